//go:build race

package libpmemblk_test

// raceDetector says that the tests run under it: it makes sync.Pool forget
// some of what it is given, so that reuse shows as allocation.
const raceDetector = true
