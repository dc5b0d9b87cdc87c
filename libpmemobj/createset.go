package libpmemobj

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

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

// claimName is the name of a claim.
const claimName = ".pmdk-go.creating"

// draftSuffix ends the name of a draft.
const draftSuffix = ".set.creating"

// armed ends a draft whose parts may exist.
const armed = "#" + armedComment + "\n"

// armedComment stays in the set file, so that a pool whose folders are empty,
// because a disk is not mounted perhaps, is not created anew.
const armedComment = " the pool's parts lie in these folders"

// draft is a set file before it has its name.
type draft struct {
	*os.File
	path    string // its temporary one
	set     *poolset.Set
	folders []string
	claimed []string // those of the folders
	made    []string // those that did not exist before
}

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

// newDraft makes the draft, step 1.
func newDraft(op, path string, set *poolset.Set) (*draft, error) {
	text, err := set.Text()
	if err != nil {
		return nil, &Error{Op: op, Path: path, Errno: unix.EINVAL, Msg: err.Error()}
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	d := &draft{set: set}
	d.path = filepath.Join(filepath.Dir(abs), fmt.Sprintf(".%s.%x%s", filepath.Base(abs), rand.Uint64(), draftSuffix))
	for _, p := range set.Replicas[0].Parts {
		d.folders = append(d.folders, p.Path)
	}
	// Everybody may read what the umask lets; it names folders, no more.
	file, err := poolfile.Temporary(d.path, 0o644)
	if err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	d.File = file.File
	err = lockDraft(d.File) // before anybody can see it
	if err == nil {
		_, err = d.Write(text)
	}
	if err == nil {
		err = d.Sync()
	}
	if err == nil {
		err = file.Publish(d.path)
	}
	if err != nil {
		file.Discard()
		return nil, cgoutil.PathError(op, path, err)
	}
	return d, nil
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
	durability, err := settleIn(op, d.folders, o.durability)
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
	p, err := newPool(pop, path, layout, durability, MinPool, s.growth(false))
	if err != nil {
		return nil, err
	}
	if err := d.complete(op, path, p, step, o); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// complete makes the pool as large as it should be, and gives it its name.
func (d *draft) complete(op, path string, p *Pool, step int64, o *options) error {
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
	if err := d.publish(path); err != nil {
		return cgoutil.PathError(op, path, err)
	}
	// The pool exists now. A claim that stays behind means nothing.
	for _, folder := range d.claimed {
		_ = os.Remove(filepath.Join(folder, claimName))
	}
	return nil
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

// settleIn is Durability.settle for files to be made in folders.
func settleIn(op string, folders []string, d Durability) (got Durability, err error) {
	for _, folder := range folders {
		probe, err := poolfile.Temporary(filepath.Join(folder, "probe"), 0o600)
		if err != nil {
			return 0, cgoutil.PathError(op, folder, err)
		}
		err = probe.Truncate(page)
		var g Durability
		if err == nil {
			g, err = settle(op, folder, d, probe.File)
		}
		probe.Discard()
		if err != nil {
			return 0, err
		}
		got = max(got, g)
	}
	return got, nil
}

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

// arm makes sure that the folders hold no parts, step 3.
func (d *draft) arm(op, path string) error {
	for _, folder := range d.folders {
		parts, err := partsIn(folder)
		if err != nil {
			return cgoutil.PathError(op, folder, err)
		}
		if len(parts) > 0 {
			return &Error{Op: op, Path: path, Errno: unix.EEXIST, Msg: fmt.Sprintf("folder %s holds parts of another pool, %s for one", folder, filepath.Base(parts[0]))}
		}
	}
	if _, err := d.Write([]byte(armed)); err != nil {
		return cgoutil.PathError(op, path, err)
	}
	if err := d.Sync(); err != nil {
		return cgoutil.PathError(op, path, err)
	}
	return nil
}

// partsIn lists what PMDK takes for parts.
func partsIn(folder string) (paths []string, err error) {
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".pmem") {
			paths = append(paths, filepath.Join(folder, e.Name()))
		}
	}
	return paths, err
}

// publish gives the draft the name of the set file, if that is free, step 5.
func (d *draft) publish(path string) error {
	err := unix.Renameat2(unix.AT_FDCWD, d.path, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		// In two steps. A draft with two names is complete; see dropDraft.
		if err = os.Link(d.path, path); err == nil {
			err = os.Remove(d.path)
		}
	}
	if err != nil {
		return err
	}
	if err = poolfile.SyncFolder(filepath.Dir(path)); err != nil {
		err = errors.Join(err, os.Rename(path, d.path)) // to be discarded
	}
	return err
}

// discard undoes what was done.
func (d *draft) discard() error {
	err := removeDraft(d.File, d.path, d.folders)
	for _, folder := range d.made {
		_ = os.Remove(folder) // if it is empty
	}
	return errors.Join(err, d.Close())
}

// dropDrafts removes what killed processes left of creating path.
func dropDrafts(op, path string) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return cgoutil.PathError(op, path, err)
	}
	entries, err := os.ReadDir(filepath.Dir(abs))
	if err != nil {
		return cgoutil.PathError(op, path, err)
	}
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), "."+filepath.Base(abs)+".")
		number, isDraft := strings.CutSuffix(number, draftSuffix)
		if !ok || !isDraft || strings.Trim(number, "0123456789abcdef") != "" {
			continue
		}
		// What is locked, somebody else's creation, fails in the end: one of
		// the two gets the name.
		if err := dropDraft(op, filepath.Join(filepath.Dir(abs), e.Name())); err != nil && !errors.Is(err, unix.EBUSY) {
			return err
		}
	}
	return nil
}

// dropDraft removes a draft whose creator is dead, and its parts. One that does
// not exist is complete; one in use gives unix.EBUSY.
func dropDraft(op, path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return cgoutil.PathError(op, path, err)
	}
	defer f.Close()
	if err := lockDraft(f); err != nil {
		return &Error{Op: op, Path: path, Errno: unix.EBUSY, Msg: "another process is creating a pool there"}
	}
	text, err := io.ReadAll(io.LimitReader(f, poolset.MaxText))
	if err != nil {
		return cgoutil.PathError(op, path, err)
	}
	set, err := poolset.Parse(text)
	if err != nil {
		return &Error{Op: op, Path: path, Errno: unix.EEXIST, Msg: "not what a creation left: " + err.Error()}
	}
	var folders []string
	for _, p := range set.Replicas[0].Parts {
		folders = append(folders, p.Path)
	}
	return removeDraft(f, path, folders)
}

// removeDraft removes a draft that the caller has locked: its parts first, then
// its claims, then itself.
func removeDraft(f *os.File, path string, folders []string) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	text, err := io.ReadAll(io.NewSectionReader(f, 0, poolset.MaxText))
	if err != nil {
		return err
	}
	hasParts := bytes.HasSuffix(text, []byte("\n"+armed)) && st.Nlink == 1
	for _, folder := range folders {
		claim := filepath.Join(folder, claimName)
		owner, err := os.ReadFile(claim)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || err == nil && string(owner) != path {
			continue
		}
		if err != nil {
			return err
		}
		if hasParts {
			if err := removeParts(folder); err != nil {
				return err
			}
		}
		if err := os.Remove(claim); err != nil {
			return err
		}
	}
	if st.Nlink == 0 {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func removeParts(folder string) error {
	parts, err := partsIn(folder)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := os.Remove(p); err != nil {
			return err
		}
	}
	return nil
}

// lockDraft takes the lock that says that a creator lives. It is not that of
// flock(2), which PMDK takes on a set file that it reads.
func lockDraft(f *os.File) error {
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
}

// unusedSet reads the pool set file at path, which exists, for creating a pool
// in it. What is no pool set file is in the way.
func unusedSet(op, path string) (*poolSet, error) {
	exists := &Error{Op: op, Path: path, Errno: unix.EEXIST}
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() {
		return nil, exists
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, exists
	}
	defer f.Close()
	set, isSet, err := readSet(op, path, f)
	if err != nil {
		return nil, err
	}
	if !isSet {
		return nil, exists
	}
	if slices.Contains(set.text.Comments, armedComment) {
		return nil, set.wrong(op, unix.EEXIST, "the pool was created before; if its folders are empty, its parts are elsewhere or lost")
	}
	for _, r := range set.text.Replicas {
		for _, p := range r.Parts {
			in := []string{p.Path}
			if set.folders {
				if in, err = partsIn(p.Path); err != nil {
					return nil, set.about(op, p.Path, err)
				}
			} else if _, err := os.Lstat(p.Path); err != nil {
				in = nil
			}
			if len(in) > 0 {
				return nil, set.wrong(op, unix.EEXIST, "part %s exists: the pool does, or something else is in its place", in[0])
			}
		}
	}
	return set, nil
}

// createInSet makes a pool in the parts that a pool set file names.
func createInSet(op, path, layout string, set *poolSet, o *options) (*Pool, error) {
	if err := o.refuse(op, path, o.sizeSet, "WithSize"); err != nil {
		return nil, err
	}
	step, err := stepOf(op, path, set.text)
	if err != nil {
		return nil, err
	}
	var d Durability
	for _, r := range set.text.Replicas {
		for _, p := range r.Parts {
			folder := p.Path
			if !set.folders {
				folder = filepath.Dir(folder)
			}
			if !o.withoutNDCTL {
				if err := pmdk.RequireNDCTL(folder); err != nil {
					return nil, cgoutil.PathError(op, folder, err)
				}
			}
			got, err := settleIn(op, []string{folder}, o.durability)
			if errors.Is(err, fs.ErrNotExist) {
				return nil, set.about(op, p.Path, err)
			}
			if err != nil {
				return nil, err
			}
			d = max(d, got)
		}
	}
	pop, err := enterCreate(op, path, path, layout, o.mode, o)
	if err != nil {
		return nil, err // PMDK has removed what it made, and what others made is theirs
	}
	if err := set.openParts(op); err != nil {
		closePool(pop)
		return nil, err
	}
	size, g := set.size(), set.growth(false)
	set.close()
	p, err := newPool(pop, path, layout, d, size, g)
	if err != nil {
		return nil, err
	}
	if err := p.startGrowing(op, step); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}
