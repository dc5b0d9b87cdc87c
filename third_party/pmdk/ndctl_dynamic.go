//go:build pmdk_dynamic

package pmdk

// ndctl: the program would not have started without libndctl.
func ndctl() (state NDCTLState, reason string) { return NDCTLLinked, "" }
