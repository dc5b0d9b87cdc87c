// Package engine has stores behind one interface: those of this module, and
// others to compare them with.
package engine

import (
	"errors"
	"fmt"
)

// ValueSize is the length of a value in bytes. A key has 8.
const ValueSize = 64

// Value is what is put.
type Value = [ValueSize]byte

// Engine is an open store. Put may be called from any goroutine.
type Engine interface {
	// Put makes value the value of key. It returns when that is durable.
	Put(key uint64, value *Value) error
	Close() error
}

// Reader is an Engine that can be asked whether it has kept what was put.
type Reader interface {
	Get(key uint64) (value Value, found bool, err error)
}

// Checkpointer is an Engine that writes from a log to its files while it works.
type Checkpointer interface {
	// Checkpoints is how many there were since the store was opened.
	Checkpoints() int64
}

// Config is what a store is opened with.
type Config struct {
	Dir        string // of its own
	Size       int64  // of a pool, in bytes; stores that grow do not look at it
	Goroutines int    // that will put
}

// Kind is a kind of stores.
type Kind struct {
	Name string

	// Open opens the store in the folder, or makes it.
	Open func(Config) (Engine, error)

	// Fill makes a store, quickly, and leaves it closed and durable. It is nil
	// where nobody needs it.
	Fill func(Config, Content) error
}

// Content is what a store is filled with: each key once, in the order in which
// they come, and what sets v to a key's value.
type Content struct {
	Keys    []uint64
	ValueOf func(key uint64, v *Value)
}

// Kinds are all there are.
func Kinds() []Kind {
	return []Kind{
		{"msync", openMsync, fillPool},
		{"journal", openJournal, fillPool},
		{"process-crash", openProcessCrash, fillPool},
		{"msync-update", openMsyncUpdate, nil},
		{"journal-update", openJournalUpdate, nil},
		{"bbolt-update", openBboltUpdate, nil},
		{"bbolt-batch", openBboltBatch, nil},
		{"bbolt-batch-tuned", openBboltBatchTuned, nil},
		{"pebble", openPebble, fillPebble},
	}
}

// Find returns the kinds with these names, in their order.
func Find(names ...string) ([]Kind, error) {
	var found []Kind
	for _, name := range names {
		n := len(found)
		for _, k := range Kinds() {
			if k.Name == name {
				found = append(found, k)
			}
		}
		if len(found) == n {
			return nil, fmt.Errorf("no engine is called %q", name)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no engine is named")
	}
	return found, nil
}
