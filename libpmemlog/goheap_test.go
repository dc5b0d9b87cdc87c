package libpmemlog_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Ensure that operations allocate nothing on the Go heap.
func TestGoHeap(t *testing.T) {
	if addressSanitizer {
		t.Skip("the address sanitizer moves local variables to the heap")
	}
	l := createLog(t)
	r := openRecords(t, createLog(t))
	long := make([]byte, 40<<10)
	p, parts := make([]byte, 64), [][]byte{make([]byte, 10), make([]byte, 54)}
	_, err := r.Append(p)
	require.NoError(t, err)
	for name, f := range map[string]func() error{
		"Append":         func() error { return l.Append(p) },
		"Appendv":        func() error { return l.Appendv(parts) },
		"Append, long":   func() error { return l.Append(long) },
		"Rewind":         l.Rewind,
		"ReadAt":         func() error { _, err := r.Log().ReadAt(p, 0); return err },
		"Len":            func() error { _, err := l.Len(); return err },
		"Records.Append": func() error { _, err := r.Append(p); return err },
		"AppendAll":      func() error { _, err := r.AppendAll(parts); return err },
	} {
		if raceDetector && name != "Append" && name != "ReadAt" {
			continue // it makes sync.Pool forget vectors on purpose
		}
		allocations := testing.AllocsPerRun(20, func() {
			if err := f(); err != nil {
				t.Error(err)
			}
		})
		assert.Zero(t, allocations, name)
	}
}

// Ensure that a scan allocates for itself alone, not for each record.
func TestGoHeapOfScan(t *testing.T) {
	if addressSanitizer {
		t.Skip("the address sanitizer moves local variables to the heap")
	}
	r := openRecords(t, createLog(t))
	for range 1000 {
		appendRecord(t, r, "some data")
	}
	allocations := testing.AllocsPerRun(5, func() {
		s, n := r.Scan(0), 0
		for s.Next() {
			n++
		}
		if n != 1000 || s.Err() != nil {
			t.Errorf("%d records, %v", n, s.Err())
		}
	})
	assert.Less(t, allocations, 20.0)
}
