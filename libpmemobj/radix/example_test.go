package radix_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/radix"
)

// withPool runs f on a new pool.
func withPool(f func(p *libpmemobj.Pool) error) {
	dir, err := os.MkdirTemp("", "radix")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	p, err := libpmemobj.Create(filepath.Join(dir, "pool"), "example")
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	if err := f(p); err != nil {
		log.Fatal(err)
	}
}

func Example() {
	withPool(func(p *libpmemobj.Pool) error {
		towns, err := radix.Open(p, "towns")
		if err != nil {
			return err
		}
		for name, river := range map[string]string{
			"Bath": "Avon", "Basel": "Rhine", "Bonn": "Rhine", "Berlin": "Spree", "Cologne": "Rhine",
		} {
			if err := towns.Put([]byte(name), []byte(river)); err != nil {
				return err
			}
		}
		for name, river := range towns.Prefix([]byte("Ba")) {
			fmt.Printf("%s on the %s\n", name, river)
		}
		for name := range towns.Backward([]byte("Bath"), nil) {
			fmt.Printf("%s\n", name)
		}
		first, _, _, err := towns.Min()
		fmt.Printf("%s\n", first)
		return err
	})
	// Output:
	// Basel on the Rhine
	// Bath on the Avon
	// Cologne
	// Bonn
	// Berlin
	// Bath
	// Basel
}

// Keys of several parts are ordered by the first, then by the second: here by
// the name of a sensor and the time of a reading.
func ExampleMap_Range() {
	key := func(sensor string, time int64) []byte {
		return radix.AppendInt64(radix.AppendString(nil, sensor), time)
	}
	withPool(func(p *libpmemobj.Pool) error {
		readings, err := radix.Open(p, "readings")
		if err != nil {
			return err
		}
		for time := range int64(6) {
			for _, sensor := range []string{"roof", "cellar"} {
				if err := readings.Put(key(sensor, time*10), fmt.Append(nil, sensor, " at ", time*10)); err != nil {
					return err
				}
			}
		}
		for k, v := range readings.Range(key("cellar", 15), key("cellar", 40)) {
			sensor, rest, _ := radix.String(k)
			time, _, _ := radix.Int64(rest)
			fmt.Printf("%s %d: %s\n", sensor, time, v)
		}
		return nil
	})
	// Output:
	// cellar 20: cellar at 20
	// cellar 30: cellar at 30
}

// An index and what it points at change together, or not at all.
func ExampleMap_In() {
	withPool(func(p *libpmemobj.Pool) error {
		users, err := radix.Open(p, "users")
		if err != nil {
			return err
		}
		byMail, err := radix.Open(p, "by mail")
		if err != nil {
			return err
		}
		add := func(id uint64, mail string) error {
			return p.Update(func(tx *libpmemobj.Tx) error {
				key := radix.AppendUint64(nil, id)
				if err := users.In(tx).Put(key, []byte(mail)); err != nil {
					return err
				}
				fresh, err := byMail.In(tx).PutIfAbsent([]byte(mail), key)
				if err == nil && !fresh {
					err = fmt.Errorf("%s is taken", mail)
				}
				return err
			})
		}
		fmt.Println(add(1, "ada@example.org"))
		fmt.Println(add(2, "ada@example.org"))
		n, err := users.Len()
		fmt.Println(n, "user")
		return err
	})
	// Output:
	// <nil>
	// ada@example.org is taken
	// 1 user
}

func ExampleOf() {
	type point struct{ X, Y float64 }
	withPool(func(p *libpmemobj.Pool) error {
		path, err := radix.OpenOf[point](p, "path")
		if err != nil {
			return err
		}
		for i := range uint64(3) {
			if err := path.Put(radix.AppendUint64(nil, i), point{float64(i), float64(i * i)}); err != nil {
				return err
			}
		}
		_, last, _, err := path.Max()
		fmt.Println(last.X, last.Y)
		return err
	})
	// Output: 2 4
}
