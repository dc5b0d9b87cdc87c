package libpmemlog_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/pmem/pmdk-go/libpmemlog"
)

// exampleLog is a path in a folder of its own.
func exampleLog() (path string, remove func()) {
	dir, err := os.MkdirTemp("", "libpmemlog-")
	must(err)
	return filepath.Join(dir, "events.log"), func() { must(os.RemoveAll(dir)) }
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// A log holds bytes, which are there after a restart.
func Example() {
	path, remove := exampleLog()
	defer remove()

	log, err := libpmemlog.OpenOrCreate(path, libpmemlog.WithSize(4<<20))
	must(err)
	must(log.Append([]byte("started\n")))
	must(log.Appendv(net.Buffers{[]byte("user "), []byte("alice"), []byte(" logged in\n")}))
	must(log.Close())

	log, err = libpmemlog.Open(path)
	must(err)
	defer log.Close()
	_, err = log.WriteTo(os.Stdout)
	must(err)
	// Output:
	// started
	// user alice logged in
}

// A log in several files, which a pool set file names.
func ExampleCreate_poolSet() {
	path, remove := exampleLog()
	defer remove()
	dir := filepath.Dir(path)
	must(os.WriteFile(path, fmt.Appendf(nil, "PMEMPOOLSET\n4M %s/first\n4M %s/second\n", dir, dir), 0o600))

	log, err := libpmemlog.Create(path)
	must(err)
	defer log.Close()
	fmt.Println(log.Cap())
	// Output: 8376320
}

// Records are found again one by one, and checked.
func ExampleRecords() {
	path, remove := exampleLog()
	defer remove()
	log, err := libpmemlog.Create(path)
	must(err)
	defer log.Close()

	records, err := libpmemlog.OpenRecords(log)
	must(err)
	_, err = records.Append([]byte("one"))
	must(err)
	second, err := records.AppendAll([][]byte{[]byte("two"), []byte("three")}) // both or none
	must(err)

	for pos, data := range records.From(second) {
		fmt.Printf("%d: %s\n", pos, data)
	}
	// Output:
	// 35: two
	// 46: three
}

// What does not belong to a log of records is found out. What stands before it
// can be read, and copied to another log.
func ExampleTailError() {
	path, remove := exampleLog()
	defer remove()
	log, err := libpmemlog.Create(path)
	must(err)
	defer log.Close()
	records, err := libpmemlog.OpenRecords(log)
	must(err)
	_, err = records.Append([]byte("a record"))
	must(err)
	must(log.Append([]byte("not a record")))

	records, err = libpmemlog.OpenRecords(log)
	var tail *libpmemlog.TailError
	if errors.As(err, &tail) {
		fmt.Println("records end at", tail.Pos, "of", tail.Len)
	}
	for _, data := range records.All() {
		fmt.Printf("%s\n", data)
	}
	// Output:
	// records end at 40 of 52
	// a record
}

// A follower reads records as they are appended.
func ExampleScanner_Wait() {
	path, remove := exampleLog()
	defer remove()
	log, err := libpmemlog.Create(path)
	must(err)
	defer log.Close()
	records, err := libpmemlog.OpenRecords(log)
	must(err)

	done := make(chan struct{})
	go func() {
		defer close(done)
		follower := records.Scan(0)
		for follower.Wait(context.Background()) {
			fmt.Printf("%s\n", follower.Data())
			if string(follower.Data()) == "good bye" {
				return
			}
		}
	}()
	for _, event := range []string{"hello", "still here", "good bye"} {
		_, err := records.Append([]byte(event))
		must(err)
	}
	<-done
	// Output:
	// hello
	// still here
	// good bye
}

// A log is an io.Writer, io.ReaderFrom, io.WriterTo and io.ReaderAt.
func ExampleLog_Snapshot() {
	path, remove := exampleLog()
	defer remove()
	log, err := libpmemlog.Create(path)
	must(err)
	defer log.Close()
	fmt.Fprintf(log, "%d lines, ", 2)
	_, err = io.Copy(log, strings.NewReader("a few bytes"))
	must(err)

	snapshot, err := log.Snapshot()
	must(err)
	must(log.Append([]byte(", and more")))
	before, err := io.ReadAll(snapshot.Reader())
	must(err)
	now, err := log.Len()
	must(err)
	fmt.Printf("%s: %d of %d bytes\n", before, snapshot.Size(), now)
	// Output:
	// 2 lines, a few bytes: 20 of 30 bytes
}

// What does not fit is refused as a whole; rewinding makes room.
func ExampleLog_Rewind() {
	path, remove := exampleLog()
	defer remove()
	log, err := libpmemlog.Create(path, libpmemlog.WithSize(libpmemlog.MinPool))
	must(err)
	defer log.Close()
	must(log.Append(make([]byte, log.Cap()-5)))
	err = log.Append([]byte("too long"))
	var full *libpmemlog.FullError
	if errors.As(err, &full) {
		fmt.Println("wanted", full.Want, "free", full.Free)
	}
	must(log.Rewind())
	must(log.Append([]byte("too long")))
	fmt.Println(log.Len())
	// Output:
	// wanted 8 free 5
	// 8 <nil>
}

// Chunks are copies of the content, in pieces of one size.
func ExampleLog_Chunks() {
	path, remove := exampleLog()
	defer remove()
	log, err := libpmemlog.Create(path)
	must(err)
	defer log.Close()
	must(log.Append([]byte("fixed size entries")))
	for chunk := range log.Chunks(6) {
		fmt.Printf("%q\n", chunk)
	}
	// Output:
	// "fixed "
	// "size e"
	// "ntries"
}
