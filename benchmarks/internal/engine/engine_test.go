package engine

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// getter is a Reader, or the update engine, which keeps what it has room for.
type getter interface {
	get(key uint64) (Value, bool, error)
}

func get(e Engine, key uint64) (Value, bool, error) {
	if r, ok := e.(Reader); ok {
		return r.Get(key)
	}
	return e.(getter).get(key)
}

func valueOf(key uint64) *Value { return &Value{0: byte(key), 63: byte(key >> 8)} }

// Ensure that every engine keeps what several goroutines put, over Close too,
// knows what it does not have, and takes the last value of a key.
func TestEngines(t *testing.T) {
	const goroutines, each = 4, 25
	for _, kind := range Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			config := Config{Dir: t.TempDir(), Size: 32 << 20, Goroutines: goroutines}
			e := open(t, kind, config)
			var wg sync.WaitGroup
			for g := range goroutines {
				wg.Go(func() {
					for i := range each {
						key := uint64(g*each + i)
						assert.NoError(t, e.Put(key, valueOf(key+1)))
						assert.NoError(t, e.Put(key, valueOf(key)))
					}
				})
			}
			wg.Wait()
			for range 2 {
				for key := range uint64(goroutines * each) {
					v, found, err := get(e, key)
					require.NoError(t, err)
					require.True(t, found, "key %d", key)
					require.Equal(t, *valueOf(key), v, "key %d", key)
				}
				_, found, err := get(e, goroutines*each)
				require.NoError(t, err)
				require.False(t, found)

				require.NoError(t, e.Close())
				e = open(t, kind, config)
			}
			require.NoError(t, e.Close())
		})
	}
}

func open(t *testing.T, kind Kind, config Config) Engine {
	t.Helper()
	e, err := kind.Open(config)
	require.NoError(t, err)
	return e
}

// numbers is the content of n keys, the highest first.
func numbers(n int) Content {
	c := Content{Keys: make([]uint64, n), ValueOf: func(key uint64, v *Value) { *v = *valueOf(key) }}
	for i := range c.Keys {
		c.Keys[i] = uint64(n - 1 - i)
	}
	return c
}

// Ensure that a store that was filled can be opened and has everything.
func TestFill(t *testing.T) {
	for _, kind := range Kinds() {
		if kind.Fill == nil {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			config := Config{Dir: t.TempDir(), Size: 32 << 20, Goroutines: 1}
			content := numbers(1000)
			require.NoError(t, kind.Fill(config, content))
			require.EqualValues(t, 999, content.Keys[0], "the keys keep their order")
			e := open(t, kind, config)
			for key := range uint64(1000) {
				v, found, err := get(e, key)
				require.NoError(t, err)
				require.True(t, found, "key %d", key)
				require.Equal(t, *valueOf(key), v, "key %d", key)
			}
			require.NoError(t, e.Close())
		})
	}
}

// Ensure that filling more than there is room for fails, and that a pool is
// closed then.
func TestFillTooMuch(t *testing.T) {
	config := Config{Dir: t.TempDir(), Size: 8 << 20}
	require.ErrorContains(t, fillPool(config, numbers(1<<20)), "out of space")
	e, err := openProcessCrash(config)
	require.NoError(t, err, "the pool is locked while it is open")
	require.NoError(t, e.Close())
}

// Ensure that a folder that is not there is an error of every engine.
func TestNoFolder(t *testing.T) {
	for _, kind := range Kinds() {
		if kind.Name == "pebble" {
			continue // makes folders
		}
		_, err := kind.Open(Config{Dir: filepath.Join(t.TempDir(), "gone"), Size: 8 << 20, Goroutines: 1})
		assert.Error(t, err, kind.Name)
	}
}

func TestFind(t *testing.T) {
	found, err := Find("pebble", "msync")
	require.NoError(t, err)
	require.Len(t, found, 2)
	assert.Equal(t, "pebble", found[0].Name)
	assert.Equal(t, "msync", found[1].Name)

	_, err = Find("msync", "nosuch")
	assert.EqualError(t, err, `no engine is called "nosuch"`)
	_, err = Find()
	assert.Error(t, err)
}

// Ensure that nobody measures a store that another one has open.
func TestPebbleLocked(t *testing.T) {
	config := Config{Dir: t.TempDir()}
	require.NoError(t, fillPebble(config, numbers(1)))
	first, err := openPebble(config)
	require.NoError(t, err)
	_, err = openPebble(config)
	assert.Error(t, err, "the first one has the lock")
	assert.NoError(t, first.Close())
}
