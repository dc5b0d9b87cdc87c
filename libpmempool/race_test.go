//go:build race

package libpmempool_test

const raceDetector = true
