package libpmempool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
)

// caveats are what follows from what C says that it does.
var caveats = []struct{ says, caveat string }{
	{"pmemlog.write_offset to", "the log's end was lost and is now the end of the file: what was appended is followed by zeros, or by what stood there before a rewind; find the true end by the content, and rewind"},
	{"repairing BTT Map", "the place of some blocks was lost: blocks that were mapped wrongly were given free ones, and may hold other data than they did; compare with a backup"},
	{"repairing BTT Flog", "writes that were under way when the pool was damaged may be lost or half-done in the table; compare with a backup"},
	{"setting pmemblk.b_size", "the block size was lost and was worked out from the table; compare it with what the pool was created with"},
}

// note remembers what a message means for the report.
func (c *checker) note(m Message) {
	if m.Kind == Problem {
		c.failure = m.Text
	}
	if m.Kind == Asked {
		return // it is said again once it is done
	}
	if needsAdvanced(m) {
		c.report.NeedsAdvanced = true
	}
	for _, known := range caveats {
		if strings.Contains(m.Text, known.says) && !slices.Contains(c.report.Caveats, known.caveat) {
			c.report.Caveats = append(c.report.Caveats, known.caveat)
		}
	}
}

// needsAdvanced says whether a message is PMDK's hint that it could do more.
func needsAdvanced(m Message) bool { return strings.Contains(m.Text, "PMEMPOOL_CHECK_ADVANCED") }

// readTable looks at the block translation table: for what C would lose its way
// in, and for arenas whose info block is gone without a trace.
func (c *checker) readTable(op string) error {
	pool, err := c.target.openContent(os.O_RDONLY)
	if err != nil {
		return cgoutil.PathError(op, c.path, err)
	}
	defer pool.Close()
	start := int64(blkDataOff)
	if c.report.Type == TypeBTT {
		start = 0
	}
	arenas, err := readArenas(pool, start, pool.size)
	if err != nil {
		return cgoutil.PathError(op, c.path, err)
	}
	for i, a := range arenas {
		for _, f := range a.faults {
			return &CorruptError{Path: c.path, Structure: fmt.Sprintf("BTT Info of arena %d", i), Offset: f.off, Reason: f.reason + "; restore it from a backup"}
		}
	}
	for i, a := range arenas {
		if !a.lost() {
			continue
		}
		c.lost = append(c.lost, a)
		c.queue = append(c.queue, Message{Kind: Problem, Text: fmt.Sprintf(
			"arena %d: the BTT Info header is all zeros, but its backup at offset %#x is valid: the next write would format the pool", i, a.Start+a.Size-infoSize)})
	}
	switch {
	case len(c.lost) == 0:
	case !c.o.repair:
		c.finish(NotConsistent)
	case !c.o.yes:
		c.queue = append(c.queue, Message{Kind: Asked, Text: "Do you want to restore the BTT Info header from its backup?"})
	}
	return nil
}

// restoreLost copies the backups over what they are backups of.
func (c *checker) restoreLost() error {
	const op = "check"
	f, err := c.target.openContent(os.O_RDWR)
	if err != nil {
		return cgoutil.PathError(op, c.path, err)
	}
	defer f.Close()
	for _, p := range f.pieces {
		if err := unix.Flock(int(p.f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			return cgoutil.PathError(op, p.f.Name(), err)
		}
	}
	if c.o.backup != "" {
		if c.target.set != nil {
			return &Error{Op: op, Path: c.path, Errno: unix.ENOTSUP, Msg: "WithBackup cannot be combined with restoring BTT Info headers of a pool set: copy its parts first"}
		}
		if err := copyFile(c.o.backup, f.pieces[0].f); err != nil {
			return cgoutil.PathError(op, c.o.backup, err)
		}
	}
	info := make([]byte, infoSize)
	for _, a := range c.lost {
		if _, err := f.ReadAt(info, a.Start+a.Size-infoSize); err != nil {
			return cgoutil.PathError(op, c.path, err)
		}
		if stateOf(info) != InfoValid {
			return &Error{Op: op, Path: c.path, Errno: unix.EAGAIN, Msg: "the pool changed during the check"}
		}
		if _, err := f.WriteAt(info, a.Start); err != nil {
			return cgoutil.PathError(op, c.path, err)
		}
	}
	if err := f.Sync(); err != nil {
		return cgoutil.PathError(op, c.path, err)
	}
	return nil
}

// copyFile copies a file to a new one.
func copyFile(to string, from *os.File) error {
	st, err := from.Stat()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, st.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.NewSectionReader(from, 0, st.Size()))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(to)
		return err
	}
	return nil
}

// notThere fails if there is a file at path.
func notThere(op, path string) error {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = unix.EEXIST
	}
	return cgoutil.PathError(op, path, err)
}
