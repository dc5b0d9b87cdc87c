//go:build !race

package libpmemblk_test

const raceDetector = false
