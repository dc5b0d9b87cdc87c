package vector_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/vector"
)

// Sample is plain data, as all that lies in a pool.
type Sample struct {
	Time  int64
	Value float64
}

func Example() {
	dir, err := os.MkdirTemp("", "vector")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	pool, err := libpmemobj.Create(filepath.Join(dir, "pool"), "samples")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	samples, err := vector.Open[Sample](pool, "samples")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := samples.Append(Sample{1, 0.5}); err != nil {
		log.Fatal(err)
	}
	at, err := samples.AppendAll([]Sample{{2, 0.75}, {3, 1}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("two more from index", at)
	for i, s := range samples.All() {
		fmt.Println(i, s.Time, s.Value)
	}
	// Output:
	// two more from index 1
	// 0 1 0.5
	// 1 2 0.75
	// 2 3 1
}

func ExampleVector_In() {
	dir, err := os.MkdirTemp("", "vector")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	pool, err := libpmemobj.Create(filepath.Join(dir, "pool"), "words")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	offsets, err := vector.Open[uint32](pool, "offsets")
	if err != nil {
		log.Fatal(err)
	}
	text, err := vector.Open[byte](pool, "text")
	if err != nil {
		log.Fatal(err)
	}
	// A word and where it begins are added together, or neither is.
	for _, word := range []string{"persistent", "memory"} {
		err := pool.Update(func(tx *libpmemobj.Tx) error {
			at, err := text.In(tx).AppendAll([]byte(word))
			if err != nil {
				return err
			}
			_, err = offsets.In(tx).Append(uint32(at))
			return err
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	at, err := offsets.At(1)
	if err != nil {
		log.Fatal(err)
	}
	word, err := text.View(int(at), 6)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(offsets.Len(), "words; the last one is", string(word))
	// Output: 2 words; the last one is memory
}
