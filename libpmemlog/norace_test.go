//go:build !race

package libpmemlog_test

const raceDetector = false
