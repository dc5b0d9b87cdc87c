package libpmemlog

import (
	"errors"
	"io"
)

// Write appends p as [Log.Append] does: all of it, or nothing and an error.
func (l *Log) Write(p []byte) (n int, err error) {
	if err := l.Append(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteTo writes the content of the log, as it is when WriteTo begins, to w.
func (l *Log) WriteTo(w io.Writer) (n int64, err error) {
	if err := l.enter("write to"); err != nil {
		return 0, err
	}
	defer l.guard.Exit()
	s := l.snapshot()
	var failed error
	err = s.chunks(batch, func(chunk []byte) bool {
		var m int
		m, failed = w.Write(chunk)
		n += int64(m)
		if failed == nil && m < len(chunk) {
			failed = io.ErrShortWrite
		}
		return failed == nil
	})
	if failed != nil {
		return n, failed
	}
	return n, err
}

// ReadFrom appends what r gives until io.EOF, in the portions that r gives it
// in, up to 64 KiB each. Each is appended whole or not at all; a crash, or an
// error, leaves those before it. n counts what was appended.
//
// No more is read than there is room for, but for one byte to see whether that
// is all. If it is not, or if other goroutines fill the log meanwhile, the
// error is a *FullError, with what was read and did not fit.
func (l *Log) ReadFrom(r io.Reader) (n int64, err error) {
	const op = "read from"
	buf := make([]byte, batch)
	for idle := 0; idle < 100; idle++ {
		used, err := l.Len()
		if err != nil {
			return n, err
		}
		m, readErr := r.Read(buf[:min(batch, max(1, l.cap-used))])
		if err := l.Append(buf[:m]); err != nil {
			var full *FullError
			if errors.As(err, &full) {
				full.Op, full.Rest = op, buf[:m]
			}
			return n, err
		}
		n += int64(m)
		if readErr == io.EOF {
			return n, nil
		}
		if readErr != nil {
			return n, readErr
		}
		if m > 0 {
			idle = 0
		}
	}
	return n, io.ErrNoProgress
}
