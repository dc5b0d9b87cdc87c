package ring_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/ring"
)

func benchLog(b *testing.B) *ring.Log {
	b.Helper()
	p := testpool.New(b, libpmemobj.WithSize(64<<20))
	return openLog(b, p, "l", ring.WithCapacity(16<<20))
}

// appendOne adds a record, and makes room for it if there is none.
func appendOne(b *testing.B, l *ring.Log, rec []byte) {
	seq, err := l.Append(rec)
	if errors.Is(err, ring.ErrFull) {
		_, next := l.Bounds()
		err = l.TruncateFront(next - 100)
	}
	if err != nil {
		b.Error(seq, err)
	}
}

func BenchmarkAppend128(b *testing.B) {
	l := benchLog(b)
	rec := make([]byte, 128)
	for b.Loop() {
		appendOne(b, l, rec)
	}
}

func BenchmarkAppend128Parallel(b *testing.B) {
	l := benchLog(b)
	b.RunParallel(func(pb *testing.PB) {
		rec := make([]byte, 128)
		for pb.Next() {
			appendOne(b, l, rec)
		}
	})
}

// BenchmarkPersist160 is what an append of 128 bytes cannot do without.
func BenchmarkPersist160(b *testing.B) {
	p := testpool.New(b, libpmemobj.WithSize(64<<20))
	root, err := libpmemobj.Root[[16 << 20]byte](p)
	require.NoError(b, err)
	rec := make([]byte, 160)
	at := 0
	for b.Loop() {
		dst := root.Get()[at : at+160]
		copy(dst, rec)
		if err := p.Persist(libpmemobj.RangeOfSlice(dst)); err != nil {
			b.Fatal(err)
		}
		at = (at + 160) % (16<<20 - 160)
	}
}

func BenchmarkRead128(b *testing.B) {
	l := benchLog(b)
	for range 1000 {
		_, err := l.Append(make([]byte, 128))
		require.NoError(b, err)
	}
	buf := make([]byte, 0, 128)
	seq := uint64(0)
	for b.Loop() {
		if _, err := l.Read(1+seq%1000, buf); err != nil {
			b.Fatal(err)
		}
		seq++
	}
}

func BenchmarkQueue128(b *testing.B) {
	p := testpool.New(b)
	q := openQueue(b, p, "q")
	rec := make([]byte, 128)
	for b.Loop() {
		if err := q.TryEnqueue(rec); err != nil {
			b.Fatal(err)
		}
		m, err := q.TryDequeue()
		if err != nil {
			b.Fatal(err)
		}
		if err := m.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQueue128Parallel(b *testing.B) {
	p := testpool.New(b)
	q := openQueue(b, p, "q")
	ctx := context.Background()
	b.RunParallel(func(pb *testing.PB) {
		rec := make([]byte, 128)
		for pb.Next() {
			if err := q.Enqueue(ctx, rec); err != nil {
				b.Error(err)
			}
			m, err := q.Dequeue(ctx)
			if err == nil {
				err = m.Commit()
			}
			if err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkOpen is the reading of 16 MiB of records when a log is opened.
func BenchmarkOpen(b *testing.B) {
	p := testpool.New(b, libpmemobj.WithSize(64<<20))
	l := openLog(b, p, "l", ring.WithCapacity(16<<20))
	rec := make([]byte, 128)
	for {
		if _, err := l.Append(rec); err != nil {
			require.ErrorIs(b, err, ring.ErrFull)
			break
		}
	}
	b.ReportMetric(float64(l.Len()), "records")
	for b.Loop() {
		require.NoError(b, ring.ScanAgain(l))
	}
}
