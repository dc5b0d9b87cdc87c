//go:build pmdk_dynamic

package interpose

// Effective says whether wrapped symbols reach the PMDK libraries' own calls.
// Shared libraries were linked elsewhere: they do not.
const Effective = false
