package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/fencecount"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/ring"
)

// Ensure that operations wait for as many fences as the documentation says.
func TestFences(t *testing.T) {
	if !fencecount.Effective {
		t.Skip("PMDK's functions are not wrapped in programs built with -tags pmdk_dynamic")
	}
	p := testpool.New(t)
	l, q := openLog(t, p, "l"), openQueue(t, p, "q")
	rec := recordOf(12)
	var m ring.Message
	add := func() error { _, err := l.Append(rec); return err }
	take := func() (err error) { m, err = q.TryDequeue(); return err }
	tests := []struct {
		name string
		want int
		op   func() error
	}{
		{"first Append", 2, add},
		{"Append", 1, add},
		{"Append of many", 1, func() error { _, err := l.Append(rec, rec, rec, rec); return err }},
		{"Read", 0, func() error { _, err := l.Read(1, nil); return err }},
		{"TruncateFront", 1, func() error { return l.TruncateFront(2) }},
		{"TruncateBack", 1, func() error { return l.TruncateBack(5) }},
		{"Append in a transaction", 5, func() error {
			return p.Update(func(tx *libpmemobj.Tx) error { _, err := l.In(tx).Append(rec); return err })
		}},
		{"first Enqueue", 2, func() error { return q.TryEnqueue(rec) }},
		{"Enqueue", 1, func() error { return q.TryEnqueueBatch([][]byte{rec, rec, rec}) }},
		{"Dequeue", 0, take},
		{"Commit", 1, func() error { return m.Commit() }},
		{"Dequeue", 0, take},
		{"Rollback", 0, func() error { return m.Rollback() }},
		{"Dequeue", 0, take},
		{"CommitIn", 5, func() error { return p.Update(func(tx *libpmemobj.Tx) error { return m.CommitIn(tx) }) }},
	}
	for _, tt := range tests {
		n, err := fencecount.Of(p, tt.op)
		require.NoError(t, err)
		if n != tt.want {
			t.Errorf("%s: %d fences, want %d", tt.name, n, tt.want)
		}
	}
}
