//go:build asan

package libpmemlog_test

const addressSanitizer = true
