package main

import (
	"errors"
	"path/filepath"
	"reflect"

	"github.com/pmem/pmdk-go/internal/cbaseline"
	"github.com/pmem/pmdk-go/libpmemlog"
)

// logBench is the log that both sides append to.
type logBench struct {
	log    *libpmemlog.Log
	handle uintptr
}

func (l *logBench) open(dir string) (err error) {
	l.log, err = libpmemlog.Create(filepath.Join(dir, "log"), libpmemlog.WithSize(16<<20),
		libpmemlog.WithDurability(libpmemlog.DurabilityProcessCrash))
	if err == nil {
		// Which of two files lies better in memory makes more of a difference than
		// the language, so both sides use this one.
		l.handle = uintptr(reflect.ValueOf(l.log).Elem().FieldByName("log").Elem().FieldByName("handle").Uint())
	}
	return err
}

func (l *logBench) close() {
	if l.log != nil {
		must(l.log.Close())
	}
}

// cases append until the log is full, and then rewind it.
func (l *logBench) cases() []*pair {
	short, long := make([]byte, 64), make([]byte, 4096)
	return []*pair{
		{
			name: "log-append/64", target: 1.15,
			inGo:   func(n int) { l.append(short, n) },
			inC:    func(n int) { cbaseline.LogAppend(l.handle, short, n) },
			effect: l.len,
		},
		{
			name: "log-append/4096", target: 1.10,
			inGo:   func(n int) { l.append(long, n) },
			inC:    func(n int) { cbaseline.LogAppend(l.handle, long, n) },
			effect: l.len,
		},
	}
}

func (l *logBench) append(p []byte, n int) {
	for range n {
		err := l.log.Append(p)
		if errors.Is(err, libpmemlog.ErrFull) {
			must(l.log.Rewind())
			err = l.log.Append(p)
		}
		must(err)
	}
}

// len is what the log holds.
func (l *logBench) len() uint64 {
	n, err := l.log.Len()
	must(err)
	return uint64(n)
}
