package hashmap_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
)

func TestMain(m *testing.M) {
	testchild.Main()
	leaktest.Main(m)
}

var errStop = errors.New("stop")

// A store is a map of either kind, on its own or in a transaction, with string
// keys and values.
type store struct {
	get         func(k string) (string, bool, error)
	put         func(k, v string) error
	putIfAbsent func(k, v string) (bool, error)
	update      func(k string, f func(v string, found bool) (string, error)) error
	delete      func(k string) (bool, error)
	len         func() (int, error)
	all         func() map[string]string
	clear       func() error
	in          func(tx *libpmemobj.Tx) store // nil in a transaction
}

func bytesStore(t testing.TB, p *libpmemobj.Pool, opts ...hashmap.Option) store {
	t.Helper()
	m, err := hashmap.OpenBytes(p, "bytes", opts...)
	require.NoError(t, err)
	all := func(seq func(func(k, v []byte) bool)) map[string]string {
		got := map[string]string{}
		for k, v := range seq {
			_, twice := got[string(k)]
			require.False(t, twice, "key %q comes twice", k)
			got[string(k)] = string(v)
		}
		return got
	}
	update := func(u func([]byte, func([]byte, bool) ([]byte, error)) error) func(string, func(string, bool) (string, error)) error {
		return func(k string, f func(string, bool) (string, error)) error {
			return u([]byte(k), func(v []byte, found bool) ([]byte, error) {
				s, err := f(string(v), found)
				return []byte(s), err
			})
		}
	}
	s := store{
		get:         func(k string) (string, bool, error) { v, ok, err := m.Get([]byte(k)); return string(v), ok, err },
		put:         func(k, v string) error { return m.Put([]byte(k), []byte(v)) },
		putIfAbsent: func(k, v string) (bool, error) { return m.PutIfAbsent([]byte(k), []byte(v)) },
		update:      update(m.Update),
		delete:      func(k string) (bool, error) { return m.Delete([]byte(k)) },
		len:         m.Len,
		all:         func() map[string]string { return all(m.All()) },
		clear:       m.Clear,
	}
	s.in = func(tx *libpmemobj.Tx) store {
		m := m.In(tx)
		return store{
			get:         func(k string) (string, bool, error) { v, ok, err := m.Get([]byte(k)); return string(v), ok, err },
			put:         func(k, v string) error { return m.Put([]byte(k), []byte(v)) },
			putIfAbsent: func(k, v string) (bool, error) { return m.PutIfAbsent([]byte(k), []byte(v)) },
			update:      update(m.Update),
			delete:      func(k string) (bool, error) { return m.Delete([]byte(k)) },
			len:         m.Len,
			all:         func() map[string]string { return all(m.All()) },
			clear:       m.Clear,
		}
	}
	return s
}

// key and value are fixed-size stand-ins for strings: eight to a page, so that
// pages split early.
type (
	key   [12]byte
	value [500]byte
)

func keyOf(s string) (k key)     { k[0] = byte(copy(k[1:], s)); return k }
func valueOf(s string) (v value) { v[0] = byte(copy(v[1:], s)); return v }
func (k key) String() string     { return string(k[1 : 1+k[0]]) }
func (v value) String() string   { return string(v[1 : 1+v[0]]) }

func fixedStore(t testing.TB, p *libpmemobj.Pool) store {
	t.Helper()
	m, err := hashmap.Open[key, value](p, "fixed")
	require.NoError(t, err)
	all := func(seq func(func(k key, v value) bool)) map[string]string {
		got := map[string]string{}
		for k, v := range seq {
			_, twice := got[k.String()]
			require.False(t, twice, "key %q comes twice", k)
			got[k.String()] = v.String()
		}
		return got
	}
	update := func(u func(key, func(value, bool) (value, error)) error) func(string, func(string, bool) (string, error)) error {
		return func(k string, f func(string, bool) (string, error)) error {
			return u(keyOf(k), func(v value, found bool) (value, error) {
				s, err := f(v.String(), found)
				return valueOf(s), err
			})
		}
	}
	s := store{
		get:         func(k string) (string, bool, error) { v, ok, err := m.Get(keyOf(k)); return v.String(), ok, err },
		put:         func(k, v string) error { return m.Put(keyOf(k), valueOf(v)) },
		putIfAbsent: func(k, v string) (bool, error) { return m.PutIfAbsent(keyOf(k), valueOf(v)) },
		update:      update(m.Update),
		delete:      func(k string) (bool, error) { return m.Delete(keyOf(k)) },
		len:         m.Len,
		all:         func() map[string]string { return all(m.All()) },
		clear:       m.Clear,
	}
	s.in = func(tx *libpmemobj.Tx) store {
		m := m.In(tx)
		return store{
			get:         func(k string) (string, bool, error) { v, ok, err := m.Get(keyOf(k)); return v.String(), ok, err },
			put:         func(k, v string) error { return m.Put(keyOf(k), valueOf(v)) },
			putIfAbsent: func(k, v string) (bool, error) { return m.PutIfAbsent(keyOf(k), valueOf(v)) },
			update:      update(m.Update),
			delete:      func(k string) (bool, error) { return m.Delete(keyOf(k)) },
			len:         m.Len,
			all:         func() map[string]string { return all(m.All()) },
			clear:       m.Clear,
		}
	}
	return s
}

// stores are the kinds of maps that tests run with.
var stores = []struct {
	name string
	open func(t testing.TB, p *libpmemobj.Pool) store
}{
	{"fixed", fixedStore},
	{"bytes", func(t testing.TB, p *libpmemobj.Pool) store { return bytesStore(t, p) }},
	{"bytes, hardly inline", func(t testing.TB, p *libpmemobj.Pool) store { return bytesStore(t, p, hashmap.WithInline(9)) }},
	{"bytes, widely inline", func(t testing.TB, p *libpmemobj.Pool) store { return bytesStore(t, p, hashmap.WithInline(500)) }},
}

// step does one random operation to a store and to its model, with the same
// outcome.
func step(rnd *rand.Rand, s store, model map[string]string, keys int) error {
	k := fmt.Sprint(rnd.IntN(keys))
	v := fmt.Sprintf("%0*d", rnd.IntN(100), rnd.IntN(1000))
	was, had := model[k]
	differ := func(op string, got ...any) error {
		return fmt.Errorf("%s %q gives %q, the model had %q, %v", op, k, got, was, had)
	}
	switch op := rnd.IntN(100); {
	case op < 35:
		model[k] = v
		return s.put(k, v)
	case op < 45:
		ok, err := s.putIfAbsent(k, v)
		if err != nil || ok == had {
			return errors.Join(err, differ("put if absent", ok))
		}
		if ok {
			model[k] = v
		}
	case op < 60:
		seen, found, fail := "", false, rnd.IntN(5) == 0
		err := s.update(k, func(v string, ok bool) (string, error) {
			if seen, found = v, ok; fail {
				return "", errStop
			}
			return v + "!", nil
		})
		if seen != was || found != had {
			return differ("update", seen, found)
		}
		if fail {
			if !errors.Is(err, errStop) {
				return differ("failing update", err)
			}
			return nil
		}
		if model[k] = was + "!"; len(was) > 150 {
			delete(model, k)
			_, err := s.delete(k)
			return err
		}
		return err
	case op < 85:
		ok, err := s.delete(k)
		if err != nil || ok != had {
			return errors.Join(err, differ("delete", ok))
		}
		delete(model, k)
	case op < 99:
		v, ok, err := s.get(k)
		if err != nil || ok != had || v != was {
			return errors.Join(err, differ("get", v, ok))
		}
	case rnd.IntN(10) == 0:
		clear(model)
		return s.clear()
	}
	return nil
}

func requireModel(t *testing.T, s store, model map[string]string) {
	t.Helper()
	require.Equal(t, model, s.all())
	n, err := s.len()
	require.NoError(t, err)
	require.Equal(t, len(model), n)
}

// Ensure that maps do what a Go map does, on their own and in transactions,
// committed or not, over restarts.
func TestModel(t *testing.T) {
	for _, kind := range stores {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rnd := rand.New(rand.NewPCG(seed, 0))
			p := testpool.New(t, libpmemobj.WithSize(32<<20))
			model := map[string]string{}
			for range 4 {
				s := kind.open(t, p)
				keys := 10 + rnd.IntN(2000)
				for range 1500 {
					if rnd.IntN(30) > 0 {
						require.NoError(t, step(rnd, s, model, keys))
						continue
					}
					inTx := maps.Clone(model)
					abort := rnd.IntN(2) == 0
					err := p.Update(func(tx *libpmemobj.Tx) error {
						s := s.in(tx)
						for range rnd.IntN(100) {
							if err := step(rnd, s, inTx, keys); err != nil {
								return err
							}
						}
						if rnd.IntN(3) == 0 {
							requireModel(t, s, inTx)
						}
						if abort {
							return errStop
						}
						return nil
					})
					if abort {
						require.ErrorIs(t, err, errStop)
						if rnd.IntN(5) == 0 {
							requireModel(t, s, model)
						}
						continue
					}
					require.NoError(t, err)
					model = inTx
				}
				requireModel(t, s, model)
				p = testpool.Reopen(t, p)
				requireModel(t, kind.open(t, p), model)
			}
		})
	}
}

func objects(p *libpmemobj.Pool) (n int) {
	for range p.Objects() {
		n++
	}
	return n
}

// Ensure that a map leaves nothing behind when it is cleared, by itself or in a
// transaction, and that what is rolled back neither takes nor loses anything.
func TestNoLeaks(t *testing.T) {
	for _, kind := range stores {
		t.Run(kind.name, func(t *testing.T) {
			p := testpool.New(t, libpmemobj.WithSize(32<<20))
			s := kind.open(t, p)
			empty := objects(p)
			fill := func(s store) error {
				for i := range 1000 {
					if err := s.put(fmt.Sprint(i), fmt.Sprintf("%0*d", i%90, i)); err != nil {
						return err
					}
				}
				return nil
			}
			require.ErrorIs(t, p.Update(func(tx *libpmemobj.Tx) error {
				require.NoError(t, fill(s.in(tx)))
				return errStop
			}), errStop)
			require.Equal(t, empty, objects(p))
			requireModel(t, s, map[string]string{})

			require.NoError(t, fill(s))
			full := objects(p)
			require.Greater(t, full, empty)
			require.ErrorIs(t, p.Update(func(tx *libpmemobj.Tx) error {
				require.NoError(t, s.in(tx).clear())
				require.NoError(t, s.in(tx).put("a", "b"))
				return errStop
			}), errStop)
			require.Equal(t, full, objects(p))
			n, err := s.len()
			require.NoError(t, err)
			require.Equal(t, 1000, n)

			require.NoError(t, s.clear())
			require.Equal(t, empty, objects(p))
			require.NoError(t, fill(s))
			require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error { return s.in(tx).clear() }))
			require.Equal(t, empty, objects(p))
			requireModel(t, s, map[string]string{})
		})
	}
}
