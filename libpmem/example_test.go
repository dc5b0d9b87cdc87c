package libpmem_test

import (
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/pmem/pmdk-go/libpmem"
)

// exampleFile is a path for an example; on a machine with persistent memory
// it would lie on a file system that is mounted with -o dax.
func exampleFile() (path string, remove func()) {
	dir, err := os.MkdirTemp("", "libpmem")
	if err != nil {
		log.Fatal(err)
	}
	return filepath.Join(dir, "file"), func() { os.RemoveAll(dir) }
}

// Store through the mapped bytes, and persist what was stored.
func ExampleMap() {
	path, remove := exampleFile()
	defer remove()

	m, err := libpmem.Map(path, libpmem.Create(4096, 0o600))
	if err != nil {
		log.Fatal(err)
	}
	n := copy(m.Bytes(), "hello, persistent memory")
	if err := m.Persist(0, n); err != nil {
		log.Fatal(err)
	}
	if err := m.Close(); err != nil {
		log.Fatal(err)
	}

	m, err = libpmem.Map(path)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	fmt.Printf("%d bytes: %s\n", m.Len(), m.Bytes()[:n])
	// Output: 4096 bytes: hello, persistent memory
}

// A mapping is an io.WriterAt whose writes are durable when they return.
func ExampleMapping_WriteAt() {
	path, remove := exampleFile()
	defer remove()
	m, err := libpmem.Map(path, libpmem.Create(4096, 0o600))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	if _, err := m.WriteAt([]byte("durable"), 100); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", m.Bytes()[100:107])

	_, err = m.WriteAt([]byte("too long"), 4090)
	fmt.Println(err != nil)
	// Output:
	// durable
	// true
}

// Several ranges share one wait: flush each, drain once. The counter that
// says how much is valid is persisted after what it counts.
func ExampleMapping_Flush() {
	path, remove := exampleFile()
	defer remove()
	m, err := libpmem.Map(path, libpmem.Create(64<<10, 0o600))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	for i, word := range []string{"one", "two", "three"} {
		off := 4096 * (i + 1)
		n := copy(m.Bytes()[off:], word)
		if err := m.Flush(off, n); err != nil {
			log.Fatal(err)
		}
	}
	if err := m.Drain(); err != nil {
		log.Fatal(err)
	}
	binary.LittleEndian.PutUint64(m.Bytes(), 3)
	if err := m.Persist(0, 8); err != nil {
		log.Fatal(err)
	}
	fmt.Println(binary.LittleEndian.Uint64(m.Bytes()))
	// Output: 3
}

// CopyAt with flags: copy two ranges without waiting, then wait once.
func ExampleMapping_CopyAt() {
	path, remove := exampleFile()
	defer remove()
	m, err := libpmem.Map(path, libpmem.Create(64<<10, 0o600))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	if err := m.CopyAt(0, []byte("first"), libpmem.NoDrain); err != nil {
		log.Fatal(err)
	}
	if err := m.CopyAt(4096, []byte("second"), libpmem.NoDrain|libpmem.NonTemporal); err != nil {
		log.Fatal(err)
	}
	if err := m.Drain(); err != nil {
		log.Fatal(err)
	}

	fmt.Println(m.CopyAt(0, []byte("x"), libpmem.Temporal|libpmem.NonTemporal))
	// Output: copy: flags NonTemporal and Temporal exclude each other (invalid argument)
}

// The package's functions take slices of mappings and refuse other memory.
func ExamplePersist() {
	path, remove := exampleFile()
	defer remove()
	m, err := libpmem.Map(path, libpmem.Create(4096, 0o600))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	field := m.Bytes()[64:72]
	binary.LittleEndian.PutUint64(field, 42)
	fmt.Println(libpmem.Persist(field))
	fmt.Println(libpmem.Persist(make([]byte, 8)))
	// Output:
	// <nil>
	// memory is not in an open libpmem mapping
}

// A file without a name, gone after Close.
func ExampleTmpFile() {
	m, err := libpmem.Map(os.TempDir(), libpmem.TmpFile(1<<20))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	fmt.Println(m.Len())
	// Output: 1048576
}
