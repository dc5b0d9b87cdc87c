package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/libpmemblk"
	"github.com/pmem/pmdk-go/libpmemlog"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmempool"
)

var createCommand = command{
	name:     "create",
	synopsis: "[options] (log | obj | blk BLOCKSIZE) FILE",
	about:    "create a pool",
	prepare: func(flags *pflag.FlagSet) func(context.Context, console, []string) error {
		p := &plan{}
		flags.StringVarP(&p.sizeText, "size", "s", "", "`size` of the file, for example 64M (default: the smallest)")
		flags.BoolVarP(&p.max, "max-size", "M", false, "take all room that the file system has")
		flags.StringVarP(&p.modeText, "mode", "m", "0664", "permission bits in `octal`")
		flags.StringVarP(&p.inherit, "inherit", "i", "", "create a pool like the one in `file`")
		flags.BoolVarP(&p.force, "force", "f", false, "remove the pool in FILE first")
		flags.BoolVarP(&p.verbose, "verbose", "v", false, "say what is created")
		flags.BoolVarP(&p.writeLayout, "write-layout", "w", false, "blk: lay out the blocks now, not at the first write")
		flags.StringVarP(&p.layout, "layout", "l", "", "obj: `name` of what is kept in the pool")
		flags.BoolP("clear-bad-blocks", "b", false, "not supported")
		return func(_ context.Context, c console, args []string) error {
			if flags.Changed("clear-bad-blocks") {
				return errors.New("--clear-bad-blocks is not supported: new files have no bad blocks")
			}
			p.layoutSet = flags.Changed("layout")
			return p.run(c, args)
		}
	},
}

// plan is a pool to be created.
type plan struct {
	kind       libpmempool.Type
	path       string
	size       int64
	mode       fs.FileMode
	layout     string
	layoutSet  bool
	blockSize  int
	set        bool // path is a pool set file
	sizeText   string
	modeText   string
	inherit    string
	max, force bool

	verbose, writeLayout bool
}

func (p *plan) run(c console, args []string) error {
	if err := p.parse(args); err != nil {
		return err
	}
	if p.force {
		if _, err := libpmempool.Remove(p.path, libpmempool.WithForce()); err != nil {
			return err
		}
	}
	if err := p.settleSize(c); err != nil {
		return err
	}
	if p.verbose {
		fmt.Fprintf(c.out, "Creating pool: %s\n\ttype  : %v\n", p.path, p.kind)
		if !p.set {
			fmt.Fprintf(c.out, "\tsize  : %s [%d]\n", human(uint64(p.size)), p.size)
		}
		fmt.Fprintf(c.out, "\tmode  : %04o\n", p.mode)
		switch p.kind {
		case libpmempool.TypeBlk:
			fmt.Fprintf(c.out, "\tbsize : %d\n", p.blockSize)
		case libpmempool.TypeObj:
			fmt.Fprintf(c.out, "\tlayout: '%s'\n", p.layout)
		}
	}
	if err := p.create(); err != nil {
		return err
	}
	if p.set {
		return nil
	}
	// The bits as they were asked for, whatever the umask is.
	return os.Chmod(p.path, p.mode)
}

// parse reads the arguments: a type, which --inherit makes unnecessary, a
// block size for blk, and a file.
func (p *plan) parse(args []string) (err error) {
	if p.inherit != "" {
		if len(args) != 1 {
			return errUsage
		}
		p.path = args[0]
		if err := p.like(p.inherit); err != nil {
			return err
		}
	} else {
		if len(args) < 2 || len(args) > 3 {
			return errUsage
		}
		if p.kind, err = libpmempool.ParseType(args[0]); err != nil || p.kind == libpmempool.TypeBTT {
			return fmt.Errorf("%q is no type of pool: log, obj or blk", args[0])
		}
		p.path = args[len(args)-1]
		if err := p.parseBlockSize(args[1 : len(args)-1]); err != nil {
			return err
		}
	}
	switch {
	case p.layoutSet && p.kind != libpmempool.TypeObj:
		return fmt.Errorf("--layout is for obj pools, this is a %v pool", p.kind)
	case p.writeLayout && p.kind != libpmempool.TypeBlk:
		return fmt.Errorf("--write-layout is for blk pools, this is a %v pool", p.kind)
	case p.max && p.sizeText != "":
		return errors.New("--max-size and --size exclude each other")
	}
	mode, err := strconv.ParseUint(p.modeText, 8, 9)
	if err != nil {
		return fmt.Errorf("--mode %q: permission bits in octal expected, for example 0640", p.modeText)
	}
	p.mode = fs.FileMode(mode)
	p.set, err = isSet(p.path)
	return err
}

func (p *plan) parseBlockSize(args []string) error {
	if p.kind != libpmempool.TypeBlk {
		if len(args) > 0 {
			return fmt.Errorf("%s: a block size is for blk pools, this is a %v pool", args[0], p.kind)
		}
		return nil
	}
	if len(args) == 0 {
		return errors.New("a blk pool needs a block size: pmempool create blk 4096 FILE")
	}
	n, err := parseSize(args[0])
	if err != nil || n == 0 || n > 1<<31-1 {
		return fmt.Errorf("block size %q: a number of bytes from 1 to 2147483647 expected", args[0])
	}
	p.blockSize = int(n)
	return nil
}

// like takes over what another pool is.
func (p *plan) like(path string) error {
	info, err := libpmempool.Info(path)
	if err != nil {
		return err
	}
	if info.Type == libpmempool.TypeDetect || len(info.Damage) > 0 {
		return fmt.Errorf("%s is no sound pool to inherit from: %v", path, errors.Join(info.Damage...))
	}
	p.kind = info.Type
	if p.sizeText == "" && !p.max {
		for _, f := range info.Files {
			if f.Replica == 0 {
				p.size += f.Size
			}
		}
	}
	switch {
	case info.Blk != nil:
		p.blockSize = int(info.Blk.BlockSize)
	case info.Obj != nil && !p.layoutSet:
		p.layout = info.Obj.Layout
	}
	return nil
}

func (p *plan) settleSize(c console) (err error) {
	least := map[libpmempool.Type]int64{
		libpmempool.TypeLog: libpmemlog.MinPool,
		libpmempool.TypeBlk: libpmemblk.MinPool,
		libpmempool.TypeObj: libpmemobj.MinPool,
	}[p.kind]
	switch {
	case p.set && (p.max || p.sizeText != ""):
		return fmt.Errorf("%s is a pool set file, which says itself how large the pool is: leave out the size", p.path)
	case p.set:
		return nil
	case p.max:
		var st unix.Statfs_t
		if err := unix.Statfs(filepath.Dir(p.path), &st); err != nil {
			return fmt.Errorf("%s: %w", filepath.Dir(p.path), err)
		}
		p.size = int64(st.Bavail) * st.Bsize
	case p.sizeText != "":
		n, err := parseSize(p.sizeText)
		if err != nil {
			return err
		}
		p.size = n
	case p.size == 0:
		if p.verbose {
			fmt.Fprintln(c.out, "No size option passed - picking minimum pool size.")
		}
		p.size = least
	}
	if p.size < least {
		return fmt.Errorf("size must be >= %d bytes for a %v pool", least, p.kind)
	}
	return nil
}

// create makes the pool.
func (p *plan) create() error {
	var pool io.Closer
	var err error
	switch p.kind {
	case libpmempool.TypeLog:
		opts := []libpmemlog.Option{libpmemlog.WithMode(p.mode)}
		if !p.set {
			opts = append(opts, libpmemlog.WithSize(p.size))
		}
		pool, err = libpmemlog.Create(p.path, opts...)
	case libpmempool.TypeObj:
		opts := []libpmemobj.Option{libpmemobj.WithMode(p.mode)}
		if !p.set {
			opts = append(opts, libpmemobj.WithSize(p.size))
		}
		pool, err = libpmemobj.Create(p.path, p.layout, opts...)
	case libpmempool.TypeBlk:
		pool, err = p.createBlk()
	}
	if errors.Is(err, fs.ErrExist) && !p.set {
		return fmt.Errorf("%w; --force removes it first", err)
	}
	if err != nil {
		return err
	}
	return pool.Close()
}

func (p *plan) createBlk() (io.Closer, error) {
	opts := []libpmemblk.Option{libpmemblk.WithMode(p.mode)}
	if !p.set {
		opts = append(opts, libpmemblk.WithSize(p.size))
	}
	pool, err := libpmemblk.Create(p.path, p.blockSize, opts...)
	if err != nil || !p.writeLayout {
		return pool, err
	}
	if err := pool.WriteBlock(0, make([]byte, p.blockSize)); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return pool, nil
}

// isSet says whether there is a pool set file at path.
func isSet(path string) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	b := make([]byte, len("PMEMPOOLSET"))
	n, _ := f.Read(b)
	return strings.HasPrefix(string(b[:n]), "PMEMPOOLSET"), nil
}
