// Package objmutate holds the test that hands damaged and half-written pools to
// the checks of package objheap, and what they let through to libpmemobj: no
// file may kill the process, and no pool that was merely killed may be refused.
package objmutate
