//go:build pmdk_dynamic

package pmdk

const builtMode = ModeDynamic
