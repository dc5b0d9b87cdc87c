//go:build pmdk_static

package pmdk

const builtMode = ModeStatic
