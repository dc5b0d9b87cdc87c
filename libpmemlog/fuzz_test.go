package libpmemlog_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/pmem/pmdk-go/internal/poolheader"
	. "github.com/pmem/pmdk-go/libpmemlog"
)

// Ensure that a log with any content is read as records up to where they end,
// from any position, and that what is appended behind them is found.
func FuzzRecords(f *testing.F) {
	l := createLog(f)
	r := openRecords(f, l)
	f.Add([]byte{}, int64(0))
	f.Add([]byte("some text"), int64(24))
	f.Add([]byte(strings.Repeat("\x00", 100)), int64(0))
	for _, data := range []string{"", "x", "a longer record"} {
		pos := appendRecord(f, r, data)
		whole := []byte(contents(f, l))
		f.Add(whole, pos)
		f.Add(whole[:len(whole)-1], int64(0))
		f.Add(append(whole, "\x01\x00\x00\x00\x00\x00\x00\x00\x00"...), int64(0))
		f.Add(append(whole, "\xff\xff\xff\xff\x00\x00\x00\x00\x00"...), pos)
	}
	f.Fuzz(func(t *testing.T, content []byte, pos int64) {
		if int64(len(content)) > l.Cap()-1000 {
			t.Skip("larger than the log")
		}
		if err := l.Rewind(); err != nil {
			t.Fatal(err)
		}
		if err := l.Append(content); err != nil {
			t.Fatal(err)
		}
		r, opened := OpenRecords(l)
		var tail *TailError
		if opened != nil && !errors.As(opened, &tail) {
			t.Fatal(opened)
		}
		s := r.Scan(0)
		end := int64(24)
		for s.Next() {
			if s.Pos() != end || !bytes.Equal(s.Data(), content[end+8:][:len(s.Data())]) {
				t.Fatalf("record at %d, after the end of the last at %d", s.Pos(), end)
			}
			end = s.Pos() + 8 + int64(len(s.Data()))
		}
		switch {
		case tail == nil && len(content) > 0 && end != int64(len(content)):
			t.Fatalf("the records end at %d of %d bytes, without an error", end, len(content))
		case tail != nil && tail.Pos != 0 && tail.Pos != end:
			t.Fatalf("the records end at %d, %v", end, tail)
		}
		for range r.From(pos) { // no panic, and an end
		}
		at, err := r.Append([]byte("appended"))
		if (err == nil) != (opened == nil) {
			t.Fatalf("opened: %v, appended: %v", opened, err)
		}
		if err == nil {
			if s := r.Scan(at); !s.Next() || string(s.Data()) != "appended" {
				t.Fatalf("what was appended at %d is not found: %v", at, s.Err())
			}
		}
	})
}

// Ensure that a file with any header is refused or works.
func FuzzHeader(f *testing.F) {
	l := createLog(f)
	appendString(f, l, "content")
	if err := l.Close(); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(l.Path())
	if err != nil {
		f.Fatal(err)
	}
	path := logPath(f)
	f.Add(good[:4096], good[4096:4120], true)
	f.Add([]byte("PMEMLOG\x00"), []byte{}, true)
	f.Fuzz(func(t *testing.T, header, descriptor []byte, sum bool) {
		b := bytes.Clone(good)
		copy(b[:4096], header)
		copy(b[4096:8192], descriptor)
		if sum {
			le.PutUint64(b[4088:], poolheader.HeaderChecksum(b[:4096]))
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := useMutant(path, b); err != nil {
			t.Fatal(err)
		}
	})
}
