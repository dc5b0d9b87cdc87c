//go:build asan

package libpmemobj_test

const addressSanitizer = true
