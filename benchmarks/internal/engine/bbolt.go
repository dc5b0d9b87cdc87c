package engine

import (
	"encoding/binary"
	"errors"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

var bucket = []byte("values")

// bbolt puts each value in a transaction of its own, or lets bbolt gather those
// of several goroutines.
type bbolt struct {
	db     *bolt.DB
	commit func(func(*bolt.Tx) error) error
}

func openBbolt(c Config) (*bbolt, error) {
	// The free list as a map is what bbolt's documentation calls the faster one.
	db, err := bolt.Open(filepath.Join(c.Dir, "store.bolt"), 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &bbolt{db: db}, nil
}

func openBboltUpdate(c Config) (Engine, error) {
	b, err := openBbolt(c)
	if err != nil {
		return nil, err
	}
	b.commit = b.db.Update
	return b, nil
}

func openBboltBatch(c Config) (Engine, error) {
	b, err := openBbolt(c)
	if err != nil {
		return nil, err
	}
	b.commit = b.db.Batch
	return b, nil
}

// openBboltBatchTuned does not let a batch wait, 10 ms by default, when all
// goroutines are in it.
func openBboltBatchTuned(c Config) (Engine, error) {
	b, err := openBbolt(c)
	if err != nil {
		return nil, err
	}
	b.db.MaxBatchSize = c.Goroutines
	b.commit = b.db.Batch
	return b, nil
}

func (b *bbolt) Put(key uint64, value *Value) error {
	var k [8]byte
	binary.BigEndian.PutUint64(k[:], key)
	return b.commit(func(tx *bolt.Tx) error { return tx.Bucket(bucket).Put(k[:], value[:]) })
}

func (b *bbolt) Get(key uint64) (value Value, found bool, err error) {
	var k [8]byte
	binary.BigEndian.PutUint64(k[:], key)
	err = b.db.View(func(tx *bolt.Tx) error {
		v := tx.Bucket(bucket).Get(k[:])
		found = copy(value[:], v) == ValueSize
		return nil
	})
	return value, found, err
}

func (b *bbolt) Close() error { return b.db.Close() }
