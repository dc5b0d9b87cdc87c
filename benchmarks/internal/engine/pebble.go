package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log"
	"path/filepath"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// lsm is pebble with its default options, committing each value with Sync.
type lsm struct{ db *pebble.DB }

func openLSM(c Config) (*lsm, error) {
	db, err := pebble.Open(filepath.Join(c.Dir, "store.pebble"), &pebble.Options{Logger: quiet{}})
	if err != nil {
		return nil, err
	}
	return &lsm{db}, nil
}

func openPebble(c Config) (Engine, error) {
	l, err := openLSM(c)
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (l *lsm) Put(key uint64, value *Value) error {
	var k [8]byte
	binary.BigEndian.PutUint64(k[:], key)
	return l.db.Set(k[:], value[:], pebble.Sync)
}

func (l *lsm) Get(key uint64) (value Value, found bool, err error) {
	var k [8]byte
	binary.BigEndian.PutUint64(k[:], key)
	v, done, err := l.db.Get(k[:])
	if errors.Is(err, pebble.ErrNotFound) {
		return value, false, nil
	}
	if err != nil {
		return value, false, err
	}
	found = copy(value[:], v) == ValueSize
	return value, found, done.Close()
}

func (l *lsm) Close() error { return l.db.Close() }

// Checkpoints is how many memtables were written to tables, which is what a
// checkpoint is to a journal.
func (l *lsm) Checkpoints() int64 { return l.db.Metrics().Flush.Count }

// fillPebble puts in the order of the keys, so that no compaction is left to be
// done: a pool has none either.
func fillPebble(c Config, content Content) error {
	l, err := openLSM(c)
	if err != nil {
		return err
	}
	if err := l.fill(content); err != nil {
		return errors.Join(err, l.Close())
	}
	return l.Close()
}

func (l *lsm) fill(content Content) error {
	var k [8]byte
	var v Value
	for _, key := range slices.Sorted(slices.Values(content.Keys)) {
		binary.BigEndian.PutUint64(k[:], key)
		content.ValueOf(key, &v)
		if err := l.db.Set(k[:], v[:], pebble.NoSync); err != nil {
			return err
		}
	}
	return l.db.Compact(context.Background(), make([]byte, 8), bytes.Repeat([]byte{0xff}, 9), true)
}

// quiet leaves out what pebble tells about its files.
type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(format string, args ...any) { log.Printf("pebble: "+format, args...) }
func (quiet) Fatalf(format string, args ...any) { log.Fatalf("pebble: "+format, args...) }
