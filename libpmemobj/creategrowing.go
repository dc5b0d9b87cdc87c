package libpmemobj

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
	"github.com/pmem/pmdk-go/internal/poolset"
	"github.com/pmem/pmdk-go/third_party/pmdk"
)

// Creating a pool that grows means making files in several folders, and has to
// look like one step. These are the steps:
//
//  1. The set file is written under a temporary name, the draft, and locked for
//     as long as its creator lives.
//  2. Each folder is claimed by a file that names the draft. A folder that is
//     claimed is nobody else's.
//  3. The folders are seen to hold no parts, and the draft is armed: from now
//     on, the parts in the folders are its own.
//  4. PMDK creates the pool.
//  5. The draft gets the name of the set file, and the claims are removed.
//
// Whoever meets a claim looks at the draft. There is none: the pool is complete,
// and the claim means nothing. It is locked: a creation is under way. Else its
// creator has died, and the parts are removed if it was armed.

// createGrowing makes a pool in folders.
func createGrowing(op, path, layout string, o *options) (*Pool, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, &Error{Op: op, Path: path, Errno: unix.EEXIST}
	}
	set, step, err := o.growingSet(op, path)
	if err != nil {
		return nil, err
	}
	if err := dropDrafts(op, path); err != nil {
		return nil, err
	}
	d, err := newDraft(op, path, set)
	if err != nil {
		return nil, err
	}
	p, err := d.create(op, path, layout, step, o)
	if err == nil && o.medium != nil {
		p, err = d.createOnMedium(op, path, layout, p, o)
	} else if err == nil {
		if err = d.finish(op, path); err != nil {
			err = errors.Join(err, p.Close())
		}
	}
	if err != nil {
		if e := d.discard(); e != nil {
			err = fmt.Errorf("%w; what was made could not be removed: %w", err, e)
		}
		return nil, err
	}
	_ = d.Close() // and with it the lock
	return p, nil
}

// growingSet is the pool set that the options ask for, and the step.
func (o *options) growingSet(op, path string) (*poolset.Set, int64, error) {
	fail := func(err error) (*poolset.Set, int64, error) {
		return nil, 0, &Error{Op: op, Path: path, Errno: unix.EINVAL, Msg: err.Error()}
	}
	folders := o.folders
	if folders == nil {
		folders = []string{path + ".parts"}
	}
	share := o.limit / int64(len(folders))
	share -= share % page
	step := pages(o.step)
	if step == 0 {
		step = defaultStep(o.limit)
	}
	var parts []poolset.Part
	for _, f := range folders {
		abs, err := filepath.Abs(f)
		if err != nil {
			return fail(err)
		}
		if err := poolset.CheckPath(abs); err != nil {
			return fail(err)
		}
		parts = append(parts, poolset.Part{Path: abs, Size: uint64(share)})
	}
	set := &poolset.Set{
		SingleHeader: true,
		Comments:     []string{stepComment + poolset.FormatSize(uint64(step))},
		Replicas:     []poolset.Replica{{Parts: parts}},
	}
	if err := set.Check(setLimits()); err != nil {
		return fail(err)
	}
	return set, step, nil
}

// create does the other steps.
func (d *draft) create(op, path, layout string, step int64, o *options) (*Pool, error) {
	for _, folder := range d.folders {
		if err := d.claim(op, folder, o.mode); err != nil {
			return nil, err
		}
		if !o.withoutNDCTL {
			if err := pmdk.RequireNDCTL(folder); err != nil {
				return nil, cgoutil.PathError(op, folder, err)
			}
		}
	}
	if err := d.arm(op, path); err != nil {
		return nil, err
	}
	durability, err := settleIn(op, d.folders, o)
	if err != nil {
		return nil, err
	}
	// PMDK would say so too, after filling the disk.
	if errno, reason := (&growth{set: d.set}).disk(MinPool); reason != "" {
		return nil, &Error{Op: op, Path: path, Errno: errno, Msg: reason}
	}
	pop, err := enterCreate(op, path, d.path, layout, o.mode, o)
	if errors.Is(err, unix.ENOMEM) {
		return nil, &Error{Op: op, Path: path, Errno: unix.ENOMEM, Msg: fmt.Sprintf("no address space for a pool that grows to %d bytes", sizes(d.set))}
	}
	if err != nil {
		return nil, err
	}
	s := &poolSet{path: path, text: d.set, folders: true, replicas: []replica{{limit: sizes(d.set)}}}
	p, err := newPool(pop, path, layout, durability, MinPool, s.growth(false), nil)
	if err != nil {
		return nil, err
	}
	if err := d.complete(op, p, step, o); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// createOnMedium finishes a pool as a plain one and then opens it with its
// medium.
func (d *draft) createOnMedium(op, path, layout string, p *Pool, o *options) (*Pool, error) {
	if err := p.Close(); err != nil {
		return nil, err
	}
	set, _, err := readSet(op, d.path, d.File)
	if err != nil {
		return nil, err
	}
	if err := set.openParts(op); err != nil {
		return nil, err
	}
	err = set.sync(op)
	set.close()
	if err != nil {
		return nil, err
	}
	if err := d.publish(path); err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	p, err = open(op, path, layout, o)
	if err != nil && !errors.Is(err, unix.EAGAIN) { // then somebody else has it
		return nil, errors.Join(err, os.Rename(path, d.path)) // to be discarded
	}
	d.unclaim()
	return p, err
}

// complete makes the pool as large as it should be.
func (d *draft) complete(op string, p *Pool, step int64, o *options) error {
	if err := p.startGrowing(op, step); err != nil {
		return err
	}
	if more := o.startSize() - p.Size(); more > 0 {
		if err := p.Extend(max(more, MinPart)); err != nil {
			return err
		}
	}
	for _, folder := range d.folders {
		if err := poolfile.SyncFolder(folder); err != nil {
			return cgoutil.PathError(op, folder, err)
		}
	}
	return nil
}

// finish gives the pool its name.
func (d *draft) finish(op, path string) error {
	if err := d.publish(path); err != nil {
		return cgoutil.PathError(op, path, err)
	}
	d.unclaim()
	return nil
}

// unclaim removes the claims when the pool exists. One that stays behind means
// nothing.
func (d *draft) unclaim() {
	for _, folder := range d.claimed {
		_ = os.Remove(filepath.Join(folder, claimName))
	}
}

// startSize is the size that a growing pool is created with.
func (o *options) startSize() int64 {
	if !o.sizeSet {
		return MinPool
	}
	return pages(o.size)
}

// sizes adds the sizes of the master's parts.
func sizes(set *poolset.Set) (sum int64) {
	for _, p := range set.Replicas[0].Parts {
		sum += int64(p.Size)
	}
	return sum
}
