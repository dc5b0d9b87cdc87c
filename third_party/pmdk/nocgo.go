//go:build !cgo || !linux || !(amd64 || arm64)

package pmdk

// Better a compile error in words than a stub that fails at run time.
var _ = pmdk_go_needs_cgo_on_linux_amd64_or_arm64__install_a_C_compiler_and_set_CGO_ENABLED_1
