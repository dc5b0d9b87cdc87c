package cinterop_test

import (
	"bytes"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/cinterop/cprogram"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// The string_store programs keep one string in the root object: a writer makes
// a pool and puts a word from its input there, a reader prints it.

const maxBufLen = 10

// countedString is the root of the first of them, plainString of the others.
type (
	countedString struct {
		Len uint64
		Buf [maxBufLen]byte
	}
	plainString struct {
		Buf [maxBufLen]byte
	}
)

// stringStore is one of the pairs of programs.
type stringStore struct {
	layout         string
	writer, reader *cprogram.Program
	set            func(p *Pool, s string) error // with a NUL behind s
	get            func(t *testing.T, p *Pool) string
}

func newStringStore(folder, layout string, set func(p *Pool, s string) error, get func(t *testing.T, p *Pool) string) stringStore {
	return stringStore{
		layout: layout,
		writer: newProgram(folder+"-writer", folder+"/writer.c", folder),
		reader: newProgram(folder+"-reader", folder+"/reader.c", folder),
		set:    set,
		get:    get,
	}
}

var stringStores = []stringStore{
	// The writer persists the length and then the bytes.
	newStringStore("string_store", "intro_1", func(p *Pool, s string) error {
		root, err := Root[countedString](p)
		if err != nil {
			return err
		}
		r := root.Get()
		r.Len = uint64(len(s))
		if err := p.Persist(RangeOf(&r.Len)); err != nil {
			return err
		}
		return p.Memcpy(r.Buf[:], withZeros(s), 0)
	}, func(t *testing.T, p *Pool) string {
		r := rootOf[countedString](t, p)
		return string(r.Buf[:r.Len])
	}),
	// It does so in a transaction,
	newStringStore("string_store_tx", "intro_2", setInTx, getPlain),
	// with typed objects.
	newStringStore("string_store_tx_type", "string_store", setInTx, getPlain),
}

func setInTx(p *Pool, s string) error {
	root, err := Root[plainString](p)
	if err != nil {
		return err
	}
	return p.Update(func(tx *Tx) error {
		copy(root.Mut(tx).Buf[:], withZeros(s))
		return nil
	})
}

func getPlain(t *testing.T, p *Pool) string {
	s, _, _ := bytes.Cut(rootOf[plainString](t, p).Buf[:], []byte{0})
	return string(s)
}

// withZeros fills up the whole buffer.
func withZeros(s string) []byte {
	b := make([]byte, maxBufLen)
	copy(b, s)
	return b
}

// Ensure that C's writer and Go's write what both readers read.
func TestStringStores(t *testing.T) {
	for _, s := range stringStores {
		t.Run(s.writer.Name, func(t *testing.T) {
			path := testpool.Path(t)
			require.Empty(t, run(t, s.writer, "hello\n", path))
			p := openPool(t, path, s.layout)
			require.Equal(t, "hello", s.get(t, p))
			for _, word := range []string{"persist", "go", "ninechars"} {
				require.NoError(t, s.set(p, word))
				require.NoError(t, p.Close())
				require.Equal(t, word+"\n", s.reader.Run(t, path))
				p = openPool(t, path, s.layout)
				require.Equal(t, word, s.get(t, p))
			}
		})
		t.Run(s.reader.Name, func(t *testing.T) {
			s.reader.Needed(t)
			path := testpool.Path(t)
			p := createPool(t, path, s.layout)
			require.NoError(t, s.set(p, "from go"))
			require.NoError(t, p.Close())
			require.Equal(t, "from go\n", s.reader.Run(t, path))
		})
	}
	require.EqualValues(t, 24, unsafe.Sizeof(countedString{}))
	require.EqualValues(t, 10, unsafe.Sizeof(plainString{}))
}
