//go:build pmdk_static && pmdk_dynamic

package pmdk

// #error "the build tags pmdk_static and pmdk_dynamic exclude each other: choose one, or neither for the default link mode"
import "C"
