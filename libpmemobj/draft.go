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
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
	"github.com/pmem/pmdk-go/internal/poolset"
)

// draft is a set file before it has its name. createGrowing has the steps.
type draft struct {
	*os.File
	path    string // its temporary one
	set     *poolset.Set
	folders []string
	claimed []string // those of the folders
	made    []string // those that did not exist before
}

// draftSuffix ends the name of a draft.
const draftSuffix = ".set.creating"

// armed ends a draft whose parts may exist.
const armed = "#" + armedComment + "\n"

// armedComment stays in the set file, so that a pool whose folders are empty,
// because a disk is not mounted perhaps, is not created anew.
const armedComment = " the pool's parts lie in these folders"

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
