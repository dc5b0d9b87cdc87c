//go:build !race

package libpmemobj_test

const raceDetector = false
