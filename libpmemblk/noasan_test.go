//go:build !asan

package libpmemblk_test

const addressSanitizer = false
