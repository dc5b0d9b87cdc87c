package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/pmem/pmdk-go/libpmemblk"
	"github.com/pmem/pmdk-go/libpmemlog"
	"github.com/pmem/pmdk-go/libpmempool"
)

var dumpCommand = command{
	name:     "dump",
	synopsis: "[options] FILE",
	about:    "print what a log or a blk pool holds",
	prepare: func(flags *pflag.FlagSet) func(context.Context, console, []string) error {
		raw := flags.BoolP("binary", "b", false, "as it is, not in hexadecimal")
		ranges := flags.StringP("range", "r", "", "`ranges` of blocks, or of bytes or chunks of a log, for example 1,10-100")
		chunk := flags.StringP("chunk", "c", "", "`size` of a log's chunks")
		output := flags.StringP("output", "o", "", "append to `file`")
		return func(ctx context.Context, c console, args []string) (err error) {
			if len(args) != 1 {
				return errUsage
			}
			size := int64(0)
			if *chunk != "" {
				if size, err = parseSize(*chunk); err != nil || size == 0 {
					return fmt.Errorf("--chunk %q: a number of bytes expected", *chunk)
				}
			}
			w := c.out
			if *output != "" {
				f, err := os.OpenFile(*output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, f.Close()) }()
				w = f
			}
			buffered := bufio.NewWriter(w)
			d := dumper{ctx: ctx, w: buffered, raw: *raw, ranges: *ranges, chunk: size}
			return errors.Join(d.dump(args[0]), buffered.Flush())
		}
	},
}

// dumper writes out a pool's content.
type dumper struct {
	ctx    context.Context
	w      io.Writer
	raw    bool
	ranges string
	chunk  int64
}

func (d *dumper) dump(path string) error {
	info, err := libpmempool.Info(path)
	if err != nil {
		return err
	}
	switch info.Type {
	case libpmempool.TypeLog:
		return d.log(path)
	case libpmempool.TypeBlk:
		return d.blk(path)
	case libpmempool.TypeObj:
		return fmt.Errorf("%s: an obj pool holds what its program put there; only log and blk pools can be dumped", path)
	}
	return fmt.Errorf("%s: %v", path, errors.Join(info.Damage...))
}

// log opens the pool so that nothing can change it.
func (d *dumper) log(path string) error {
	l, err := libpmemlog.Open(path, libpmemlog.WithCopyOnWrite())
	if err != nil {
		return err
	}
	defer l.Close()
	n, err := l.Len()
	if err != nil {
		return err
	}
	unit, count := int64(1), n
	if d.chunk > 0 {
		unit, count = d.chunk, (n+d.chunk-1)/d.chunk
	}
	return d.each(count, func(r span) error {
		if unit == 1 {
			return d.write(l, r.first, r.last+1-r.first)
		}
		for i := r.first; i <= r.last; i++ {
			if err := d.write(l, i*unit, min(unit, n-i*unit)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *dumper) blk(path string) error {
	if d.chunk > 0 {
		return errors.New("--chunk is for logs; a blk pool has blocks")
	}
	p, err := libpmemblk.Open(path, libpmemblk.WithCopyOnWrite())
	if err != nil {
		return err
	}
	defer p.Close()
	size := int64(p.BlockSize())
	return d.each(p.Blocks(), func(r span) error {
		for i := r.first; i <= r.last; i++ {
			if err := d.write(p, i*size, size); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *dumper) each(count int64, do func(span) error) error {
	spans, err := parseRanges(d.ranges, count)
	if err != nil {
		return err
	}
	for _, r := range spans {
		if r.first > r.last {
			continue
		}
		if err := do(r); err != nil {
			return err
		}
	}
	return nil
}

// write writes n bytes from off on.
func (d *dumper) write(r io.ReaderAt, off, n int64) error {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	b := make([]byte, n)
	if _, err := r.ReadAt(b, off); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if d.raw {
		_, err := d.w.Write(b)
		return err
	}
	return hexdump(d.w, b, off)
}

// hexdump prints 16 bytes a line. Lines like the one before are a *, but for
// the last one.
func hexdump(w io.Writer, b []byte, off int64) error {
	var previous []byte
	starred := false
	for i := 0; i < len(b); i += 16 {
		line := b[i:min(i+16, len(b))]
		if i > 0 && bytes.Equal(line, previous) && i+16 < len(b) {
			if !starred {
				if _, err := fmt.Fprintln(w, "*"); err != nil {
					return err
				}
			}
			starred = true
			continue
		}
		previous, starred = line, false
		if _, err := fmt.Fprintf(w, "%08x  %s\n", off+int64(i), hexline(line)); err != nil {
			return err
		}
	}
	return nil
}

func hexline(line []byte) string {
	var s strings.Builder
	for i := range 16 {
		if i == 8 {
			s.WriteByte(' ')
		}
		if i < len(line) {
			s.WriteString(hex.EncodeToString(line[i : i+1]))
			s.WriteByte(' ')
		} else {
			s.WriteString("   ")
		}
	}
	s.WriteString(" |")
	for _, c := range line {
		if c < ' ' || c > '~' {
			c = '.'
		}
		s.WriteByte(c)
	}
	for range 16 - len(line) {
		s.WriteByte(' ')
	}
	s.WriteString("|")
	return s.String()
}
