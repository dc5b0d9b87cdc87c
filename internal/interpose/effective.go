//go:build !pmdk_dynamic

package interpose

// Effective says whether wrapped symbols reach the PMDK libraries' own calls.
const Effective = true
