package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/pmem/pmdk-go/libpmempool"
)

var infoCommand = command{
	name:     "info",
	synopsis: "[options] FILE...",
	about:    "print what the headers of pools say",
	prepare: func(flags *pflag.FlagSet) func(context.Context, console, []string) error {
		force := flags.StringP("force", "f", "", "read the pool as this `type`: log, blk, obj or btt")
		data := flags.BoolP("data", "d", false, "dump the content of log and blk pools as well")
		ranges := flags.StringP("range", "r", "", "`ranges` of blocks, bytes or chunks for --data")
		walk := flags.StringP("walk", "w", "", "`size` of a log's chunks for --data")
		people := flags.BoolP("human", "n", false, "print sizes with units")
		return func(ctx context.Context, c console, args []string) error {
			if len(args) == 0 {
				return errUsage
			}
			if *ranges != "" && !*data {
				return errors.New("--range needs --data")
			}
			var opts []libpmempool.Option
			if *force != "" {
				t, err := libpmempool.ParseType(*force)
				if err != nil {
					return err
				}
				opts = append(opts, libpmempool.WithType(t))
			}
			chunk := int64(0)
			if *walk != "" {
				var err error
				if chunk, err = parseSize(*walk); err != nil || chunk == 0 {
					return fmt.Errorf("--walk %q: a number of bytes expected", *walk)
				}
			}
			for _, path := range args {
				info, err := libpmempool.Info(path, opts...)
				if err != nil {
					return err
				}
				p := printer{c.out, *people}
				p.pool(info)
				if info.Type == libpmempool.TypeDetect {
					return fmt.Errorf("%s: unknown pool type; --force reads it as one: %w", path, errors.Join(info.Damage...))
				}
				for _, d := range info.Damage {
					fmt.Fprintf(c.err, "damaged: %v\n", d)
				}
				if *data {
					d := dumper{ctx: ctx, w: c.out, ranges: *ranges, chunk: chunk}
					fmt.Fprintln(c.out)
					if err := d.dump(path); err != nil {
						return err
					}
				}
			}
			return nil
		}
	},
}

// printer prints like C's pmempool info.
type printer struct {
	w      io.Writer
	people bool
}

func (p *printer) field(name, format string, args ...any) {
	fmt.Fprintf(p.w, "%-24s : %s\n", name, fmt.Sprintf(format, args...))
}

func (p *printer) title(format string, args ...any) { fmt.Fprintf(p.w, "\n"+format+":\n", args...) }

func (p *printer) size(n uint64) string {
	if p.people {
		return human(n)
	}
	return fmt.Sprint(n)
}

func okay(ok bool) string {
	if ok {
		return "[OK]"
	}
	return "[wrong!]"
}

func sum(is, should uint64) string {
	if is == should {
		return fmt.Sprintf("%#x [OK]", is)
	}
	return fmt.Sprintf("%#x [wrong! should be: %#x]", is, should)
}

func (p *printer) pool(info *libpmempool.PoolInfo) {
	if info.Set != nil {
		fmt.Fprintf(p.w, "Poolset structure:\nNumber of replicas       : %d\n", len(info.Set.Replicas))
		for _, f := range info.Files {
			fmt.Fprintf(p.w, "Replica %d, part %d        : %s\n", f.Replica, f.Part, f.Path)
		}
		fmt.Fprintln(p.w)
	}
	for i, f := range info.Files {
		if i > 0 {
			fmt.Fprintln(p.w)
		}
		p.file(f)
	}
	switch {
	case info.Log != nil:
		l := info.Log
		p.title("PMEM LOG Header")
		p.field("Start offset", "%#x", l.Start)
		p.field("Write offset", "%#x %s", l.Write, okay(l.Start <= l.Write && l.Write <= l.End))
		p.field("End offset", "%#x", l.End)
	case info.Obj != nil:
		o := info.Obj
		p.title("PMEM OBJ Header")
		p.field("Layout", "%s", o.Layout)
		p.field("Lanes offset", "%#x", o.LanesOffset)
		p.field("Number of lanes", "%d", o.LaneCount)
		p.field("Heap offset", "%#x", o.HeapOffset)
		p.field("Heap size", "%s", p.size(o.HeapSize))
		p.field("Checksum", "%s", sum(o.Checksum, o.Computed))
		p.field("Root offset", "%#x", o.RootOffset)
		if o.RootOffset != 0 {
			p.field("Root size", "%s", p.size(o.RootSize))
		}
	case info.Blk != nil:
		p.blk(info.Blk)
	}
}

func (p *printer) file(f libpmempool.FileInfo) {
	fmt.Fprintln(p.w, "Part file:")
	p.field("path", "%s", f.Path)
	p.field("type", "regular file")
	p.field("size", "%s", p.size(uint64(f.Size)))
	if f.Busy {
		p.field("state", "open: what follows may be half-written")
	}
	h := f.Header
	if h == nil {
		return
	}
	p.title("POOL Header")
	p.field("Signature", "%s", strings.Trim(fmt.Sprintf("%q", h.Signature), `"`))
	p.field("Major", "%d", h.Major)
	var names []string
	for _, feature := range h.Features() {
		if feature != libpmempool.FeatureCheckBadBlocks { // the others are mandatory
			names = append(names, feature.String())
		}
	}
	if len(names) == 0 {
		p.field("Mandatory features", "%#x", h.Incompat)
	} else {
		p.field("Mandatory features", "%#x [%s]", h.Incompat, strings.Join(names, ", "))
	}
	p.field("Not mandatory features", "%#x", h.Compat)
	p.field("Forced RO", "%#x", h.ROCompat)
	p.field("Pool set UUID", "%v", h.PoolSet)
	p.field("UUID", "%v", h.UUID)
	p.field("Previous part UUID", "%v", h.PrevPart)
	p.field("Next part UUID", "%v", h.NextPart)
	p.field("Previous replica UUID", "%v", h.PrevReplica)
	p.field("Next replica UUID", "%v", h.NextReplica)
	p.field("Creation Time", "%s", h.Created.Format("Mon Jan 02 2006 15:04:05"))
	p.field("Alignment Descriptor", "%#016x%s", h.Alignment, okay(h.Alignment == alignment))
	p.field("Class", "%s", known(h.MachineClass, 2, "64"))
	p.field("Data", "%s", known(h.Order, 1, "2's complement, little endian"))
	p.field("Machine", "%s", machine(h.Machine))
	p.field("Last shutdown", "%s", map[bool]string{false: "clean", true: "dirty"}[h.Dirty])
	p.field("Checksum", "%s", sum(h.Checksum, h.Computed))
}

// alignment is the code of how C's types are aligned on 64-bit machines.
const alignment = 0x7f737777310

func known(is, number uint8, name string) string {
	if is == number {
		return name
	}
	return fmt.Sprintf("unknown %d", is)
}

func machine(n uint16) string {
	switch n {
	case 62:
		return "AMD X86-64"
	case 183:
		return "Aarch64"
	}
	return fmt.Sprintf("unknown %d", n)
}

func (p *printer) blk(b *libpmempool.BlkInfo) {
	p.title("PMEM BLK Header")
	p.field("Block size", "%s", p.size(uint64(b.BlockSize)))
	p.field("Is zeroed", "%v", b.Zeroed)
	if !b.Written() {
		fmt.Fprintln(p.w, "\n<No BTT layout>")
		return
	}
	for i, a := range b.Arenas {
		fmt.Fprintf(p.w, "\n[ARENA %d]\nPMEM BLK BTT Info Header:\n", i)
		p.field("State", "%v, its backup: %v", a.Primary, a.Second)
		p.field("UUID of container", "%v", a.Parent)
		p.field("Flags", "%#x", a.Flags)
		p.field("Major", "%d", a.Major)
		p.field("Minor", "%d", a.Minor)
		p.field("External LBA size", "%s", p.size(uint64(a.ExternalBlock)))
		p.field("External LBA count", "%d", a.ExternalBlocks)
		p.field("Internal LBA size", "%s", p.size(uint64(a.InternalBlock)))
		p.field("Internal LBA count", "%d", a.InternalBlocks)
		p.field("Free blocks", "%d", a.FreeBlocks)
		p.field("Info block size", "%s", p.size(uint64(a.InfoSize)))
		p.field("Next arena offset", "%#x", a.Next)
		p.field("Arena data offset", "%#x", a.Data)
		p.field("Area map offset", "%#x", a.Map)
		p.field("Area flog offset", "%#x", a.Flog)
		p.field("Info block backup offset", "%#x", a.Backup)
		p.field("Checksum", "%s", sum(a.Checksum, a.Computed))
	}
}
