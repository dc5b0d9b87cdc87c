//go:build !pmdk_dynamic

package pmdk

// #include "ndctl.h"
import "C"

// ndctl looks libndctl up, once in a process.
func ndctl() (state NDCTLState, reason string) {
	if C.pmemgo_ndctl_load() == 1 {
		return NDCTLLoaded, ""
	}
	return NDCTLAbsent, C.GoString(C.pmemgo_ndctl_reason())
}
