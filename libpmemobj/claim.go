package libpmemobj

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
	"github.com/pmem/pmdk-go/internal/poolset"
)

// claimName is the name of a claim.
const claimName = ".pmdk-go.creating"

// claim makes a folder the draft's, step 2.
func (d *draft) claim(op, folder string, mode fs.FileMode) error {
	// Who may read the parts may enter the folder.
	mode |= 0o700 | mode&0o444>>2
	switch err := os.Mkdir(folder, mode); {
	case err == nil:
		d.made = append(d.made, folder)
	case !errors.Is(err, fs.ErrExist):
		return cgoutil.PathError(op, folder, err)
	}
	for {
		err := d.writeClaim(folder)
		if err == nil {
			d.claimed = append(d.claimed, folder)
			return nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return cgoutil.PathError(op, folder, err)
		}
		if err := settleClaim(op, folder); err != nil {
			return err
		}
	}
}

// writeClaim makes a claim in one step, whole or not at all.
func (d *draft) writeClaim(folder string) error {
	claim := filepath.Join(folder, claimName)
	file, err := poolfile.Temporary(claim, 0o644)
	if err != nil {
		return err
	}
	defer file.Discard()
	if _, err := file.Write([]byte(d.path)); err != nil {
		return err
	}
	return file.Publish(claim)
}

// settleClaim removes the claim in a folder, and what its draft left, unless
// that one's creator lives. If somebody else is doing so, or was quicker, the
// caller tries again.
func settleClaim(op, folder string) error {
	claim := filepath.Join(folder, claimName)
	f, err := os.OpenFile(claim, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return cgoutil.PathError(op, claim, err)
	}
	defer f.Close()
	owner, err := io.ReadAll(io.LimitReader(f, poolset.MaxPath))
	if err != nil {
		return cgoutil.PathError(op, claim, err)
	}
	if err := dropDraft(op, string(owner)); err != nil {
		return err
	}
	// The claim is gone, or the draft had become a set file before. Only who has
	// the lock removes it, so that it is this one and not the next.
	if lockDraft(f) != nil {
		return nil
	}
	mine, err := f.Stat()
	if err != nil {
		return cgoutil.PathError(op, claim, err)
	}
	there, err := os.Stat(claim)
	if err != nil || !os.SameFile(mine, there) {
		return nil
	}
	if err := os.Remove(claim); err != nil {
		return cgoutil.PathError(op, claim, err)
	}
	return nil
}
