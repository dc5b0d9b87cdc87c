//go:build !pmdk_static && !pmdk_dynamic

package pmdk

const builtMode = ModeDefault
