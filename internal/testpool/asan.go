//go:build asan

package testpool

// AddressSanitizer says whether the program was built with -asan. Every call
// into C goes through cgo then, whose arguments escape to the heap.
const AddressSanitizer = true
