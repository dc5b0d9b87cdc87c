//go:build asan

package libpmem_test

const asan = true
