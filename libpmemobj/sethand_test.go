package libpmemobj_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// handmadeSet writes a pool set file, with DIR in its text for a folder of its
// own, in which d1 and d2 are folders.
func handmadeSet(t *testing.T, text string) (dir, path string) {
	t.Helper()
	dir = testpool.Dir(t)
	for _, d := range []string{"d1", "d2"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, d), 0o700))
	}
	path = filepath.Join(dir, "hand.set")
	writeSet(t, path, text)
	return dir, path
}

func writeSet(t *testing.T, path, text string) {
	t.Helper()
	text = strings.ReplaceAll(text, "DIR", filepath.Dir(path))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// handmade are pool sets as C programs have them, with the size of the pool
// and what it can grow to, in bytes.
var handmade = []struct {
	name, text  string
	size, limit int64
}{
	{"one file", "PMEMPOOLSET\n8M DIR/a\n", 8 * setMiB, 0},
	{"files", "PMEMPOOLSET\n8M DIR/a\n2100000 DIR/b\n4M DIR/c\n", 8*setMiB + 2097152 - 4096 + 4*setMiB - 4096, 0},
	{"files with a single header", "PMEMPOOLSET\nOPTION SINGLEHDR\n6M DIR/a\n3M DIR/b\n4M DIR/c\n", 13 * setMiB, 0},
	{"replicas", "PMEMPOOLSET\n8M DIR/a\n4M DIR/b\nREPLICA\n16M DIR/c\nREPLICA\n5M DIR/d\n6M DIR/e\n", 11*setMiB - 4096, 0},
	{"two replicas with single headers", "PMEMPOOLSET\nOPTION SINGLEHDR\n8M DIR/a\n4M DIR/b\nREPLICA\n16M DIR/c\n", 12 * setMiB, 0},
	{"folder", "PMEMPOOLSET\n# pmdk-go: growth step 2MiB\nOPTION SINGLEHDR\n14M DIR/d1\n", 8 * setMiB, 14 * setMiB},
	{"folder without a step", "PMEMPOOLSET\nOPTION SINGLEHDR\n14M DIR/d1\n", 8 * setMiB, 14 * setMiB},
	{"folders", "PMEMPOOLSET\n# pmdk-go: growth step 3145728\n8M DIR/d1\n8M DIR/d2\nOPTION SINGLEHDR\n", 8 * setMiB, 16 * setMiB},
	{"folders that are replicas", "PMEMPOOLSET\n# pmdk-go: growth step 4M\nOPTION SINGLEHDR\n16M DIR/d1\nREPLICA\n20M DIR/d2\n", 8 * setMiB, 16 * setMiB},
}

// Ensure that of several who create a pool in one set, one does, and that those
// who fail leave the parts to it, but nothing of their own.
func TestCreateInSetAtOnce(t *testing.T) {
	dir, path := handmadeSet(t, "PMEMPOOLSET\n8M DIR/a\n8M DIR/b\n")
	for range 10 {
		const n = 8
		errs, pools := make([]error, n), make([]*Pool, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { pools[i], errs[i] = Create(path, "hand", WithDurability(DurabilityProcessCrash)) })
		}
		wg.Wait()
		made := 0
		for i, err := range errs {
			if err == nil {
				made++
				require.NoError(t, pools[i].Close())
				continue
			}
			require.True(t, errors.Is(err, fs.ErrExist) || errors.Is(err, unix.EAGAIN), "%v", err)
		}
		require.Equal(t, 1, made)
		p, err := Open(path, "hand", WithDurability(DurabilityProcessCrash))
		require.NoError(t, err)
		require.NoError(t, p.Close())
		for _, part := range []string{"a", "b"} {
			require.NoError(t, os.Remove(filepath.Join(dir, part)))
		}
	}
	writeSet(t, path, "PMEMPOOLSET\n8M DIR/a\n8M DIR/"+strings.Repeat("b", 256)+"\n")
	_, err := Create(path, "hand", WithDurability(DurabilityProcessCrash))
	require.ErrorIs(t, err, unix.ENAMETOOLONG)
	require.NoFileExists(t, filepath.Join(dir, "a"))
}

// Ensure that pool sets written by hand can be created in, filled, checked and
// opened again.
func TestHandmadeSet(t *testing.T) {
	setParallel(t)
	for _, tt := range handmade {
		t.Run(tt.name, func(t *testing.T) {
			setParallel(t)
			dir, path := handmadeSet(t, tt.text)
			_, err := Open(path, "")
			require.ErrorIs(t, err, fs.ErrNotExist)
			p, err := OpenOrCreate(path, "hand", WithDurability(DurabilityProcessCrash))
			require.NoError(t, err)
			t.Cleanup(func() { testpool.Close(t, p) })
			require.EqualValues(t, tt.size, p.Size())
			limit := max(tt.limit, tt.size)
			require.EqualValues(t, limit, p.Limit())
			root := setRootOf(t, p)
			err = setFill(t, p, root)
			require.ErrorIs(t, err, unix.ENOMEM)
			require.EqualValues(t, limit, p.Size(), "%v", err)
			require.NotZero(t, root.Get().Count)
			_, err = Open(path, "")
			require.ErrorIs(t, err, unix.EAGAIN)
			require.ErrorContains(t, err, "locked")
			_, err = Create(path, "hand")
			require.ErrorIs(t, err, fs.ErrExist)
			require.ErrorIs(t, Check(path, ""), unix.EAGAIN)

			for _, opts := range [][]Option{nil, {WithVerify()}, {WithCopyOnWrite()}} {
				require.NoError(t, p.Close())
				testpool.Check(t, path)
				before := treeOf(t, dir)
				p, err = Open(path, "hand", append(opts, WithDurability(DurabilityProcessCrash))...)
				require.NoError(t, err)
				require.Equal(t, "hand", p.Layout())
				require.EqualValues(t, limit, p.Size())
				setVerify(t, setRootOf(t, p))
				require.Equal(t, before, treeOf(t, dir))
			}
			require.NoError(t, p.Close())
			_, err = Open(path, "foot")
			require.ErrorIs(t, err, unix.EINVAL)
			require.ErrorContains(t, err, `the pool's layout is "hand", not "foot"`)
		})
	}
}

// treeOf lists all files in a folder, with their sizes.
func treeOf(t *testing.T, dir string) (tree []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		st, err := e.Info()
		if err == nil {
			tree = append(tree, fmt.Sprintf("%s %d", path, st.Size()))
		}
		return err
	}))
	return tree
}

// Ensure that a set opened copy-on-write neither changes nor grows.
func TestSetCopyOnWrite(t *testing.T) {
	setParallel(t)
	path := setPath(t)
	p := testpool.Create(t, path, WithSize(MinPool), WithGrowth(32*setMiB, 4*setMiB))
	root := setRootOf(t, p)
	require.NoError(t, setPush(p, root))
	require.NoError(t, p.Close())
	before := treeOf(t, filepath.Dir(path))

	p = testpool.Open(t, path, WithCopyOnWrite())
	require.Equal(t, p.Size(), p.Limit())
	root = setRootOf(t, p)
	err := setFill(t, p, root)
	require.ErrorContains(t, err, "a pool opened with WithCopyOnWrite does not grow")
	require.ErrorContains(t, p.Extend(MinPart), "a pool opened with WithCopyOnWrite does not grow")
	setVerify(t, root)
	require.NoError(t, p.Close())
	require.Equal(t, before, treeOf(t, filepath.Dir(path)))

	p = testpool.Open(t, path)
	require.EqualValues(t, 1, setRootOf(t, p).Get().Count)
}

// Ensure that texts that make no pool are refused in Go, with the file, the
// line and the reason, by everything that reads them, and that nothing is made.
func TestHostileSetText(t *testing.T) {
	setParallel(t)
	const head, single = "PMEMPOOLSET\n", "PMEMPOOLSET\nOPTION SINGLEHDR\n"
	tests := []struct {
		name, text string
		errno      unix.Errno
		want       string
	}{
		{"signature alone", "PMEMPOOLSET", unix.EINVAL, `line 1: the first line must be exactly "PMEMPOOLSET"`},
		{"no parts", head, unix.EINVAL, "no pool set parts"},
		{"root folder", single + "64M /\n", unix.EINVAL, "the root of the file system cannot be a part"},
		{"root folder in disguise", single + "64M //tmp/../.\n", unix.EINVAL, "the root of the file system cannot be a part"},
		{"relative path", head + "8M a\n", unix.EINVAL, "line 2: incorrect path"},
		{"long path", head + "8M /" + strings.Repeat("x", 8191) + "\n", unix.EINVAL, "at most 4095"},
		{"long name", head + "8M DIR/" + strings.Repeat("x", 300) + "\n", unix.ENAMETOOLONG, "part "},
		{"no size", head + "DIR/a\n", unix.EINVAL, "line 2: a size and a path expected"},
		{"negative size", head + "-8M DIR/a\n", unix.EINVAL, "incorrect format of size"},
		{"huge size", head + "99999999999P DIR/a\n", unix.EINVAL, "incorrect format of size"},
		{"huge sum", head + "8000P DIR/a\n8000P DIR/b\n", unix.EINVAL, "more than a pool can have"},
		{"short part", head + "8M DIR/a\n1M DIR/b\n", unix.EINVAL, "line 3: part DIR/b: size 1048576 smaller than 2097152"},
		{"short pool", head + "4M DIR/a\n4M DIR/b\n", unix.EINVAL, "give a pool of 8384512 bytes"},
		{"short replica", head + "8M DIR/a\nREPLICA\n7M DIR/b\n", unix.EINVAL, "line 3: the parts add up to 7340032 bytes"},
		{"file twice", head + "8M DIR/a\n8M DIR/./a\n", unix.EINVAL, "occurs twice"},
		{"folder twice", single + "8M DIR/d1\n8M DIR/d1/\n", unix.EINVAL, "occurs twice"},
		{"file and folder", single + "8M DIR/a\n8M DIR/d1\n", unix.EINVAL, "files and folders cannot be mixed"},
		{"folder and file", single + "8M DIR/d1\nREPLICA\n8M DIR/a\n", unix.EINVAL, "files and folders cannot be mixed"},
		{"folder with headers", head + "64M DIR/d1\n", unix.EINVAL, "a pool set of folders needs a line OPTION SINGLEHDR"},
		{"small folder", single + "7M DIR/d1\n", unix.EINVAL, "the parts add up to 7340032 bytes"},
		{"no headers", head + "OPTION NOHDRS\n8M DIR/a\n", unix.EINVAL, "NOHDRS option is not supported"},
		{"unknown option", head + "OPTION FAST\n8M DIR/a\n", unix.EINVAL, `unknown option "FAST"`},
		{"remote replica", head + "8M DIR/a\nREPLICA host x.set\n", unix.ENOTSUP, "line 3: a replica on another host (host)"},
		{"device", head + "AUTO /dev/dax0.0\n", unix.ENOTSUP, "devices (Device DAX) cannot be opened yet"},
		{"character device", head + "8M /dev/zero\n", unix.ENOTSUP, "devices (Device DAX) cannot be opened yet"},
		{"NUL", head + "8M DIR/a\x00b\n", unix.EINVAL, "a NUL byte"},
		{"wrong step", "PMEMPOOLSET\n# pmdk-go: growth step 3MB\n" + single[len(head):] + "64M DIR/d1\n", unix.EINVAL, `a growth step of "3MB"`},
		{"tiny step", "PMEMPOOLSET\n# pmdk-go: growth step 1M\n" + single[len(head):] + "64M DIR/d1\n", unix.EINVAL, `a growth step of "1M"`},
		{"huge step", "PMEMPOOLSET\n# pmdk-go: growth step 2G\n" + single[len(head):] + "64M DIR/d1\n", unix.EINVAL, "MaxStep"},
		{"no step", "PMEMPOOLSET\n# pmdk-go: growth step\n# pmdk-go: growth step ?\n" + single[len(head):] + "64M DIR/d1\n", unix.EINVAL, `a growth step of "?"`},
		{"binary", head + "\xff\xfe\x01\x02\n", unix.EINVAL, "a size and a path expected"},
		{"endless", head + strings.Repeat("#\n", 1<<20), unix.EINVAL, "too long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			setParallel(t)
			dir, path := handmadeSet(t, tt.text)
			want := strings.ReplaceAll(tt.want, "DIR", dir)
			before := treeOf(t, dir)
			opened := func(p *Pool, err error) error {
				if err == nil {
					_ = p.Close()
				}
				return err
			}
			calls := map[string]error{
				"Open":         opened(Open(path, "")),
				"Create":       opened(Create(path, "x")),
				"OpenOrCreate": opened(OpenOrCreate(path, "x")),
				"Check":        Check(path, ""),
			}
			for name, err := range calls {
				if name == "Check" && strings.Contains(tt.name, "step") {
					require.ErrorIs(t, err, unix.ENOENT) // the step is nothing to check
					continue
				}
				require.ErrorIs(t, err, tt.errno, name)
				require.ErrorContains(t, err, want, name)
				require.ErrorContains(t, err, path, name)
			}
			require.Equal(t, before, treeOf(t, dir))
		})
	}
}

// Ensure that options that mean nothing are refused, with the reason.
func TestSetOptions(t *testing.T) {
	setParallel(t)
	path := setPath(t)
	create := func(opts ...Option) error { return closing(Create(path, "x", opts...)) }
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"small limit", create(WithGrowth(MinPool-1, 0)), "the limit is at least 8388608 bytes"},
		{"negative limit", create(WithGrowth(-1, 0)), "the limit is at least 8388608 bytes"},
		{"small limit for two", create(WithGrowth(12*setMiB, 0), WithFolders("a", "b")), "for each folder"},
		{"small step", create(WithGrowth(MinPool, MinPart-1)), "the step is at least 2097152 bytes"},
		{"negative step", create(WithGrowth(MinPool, -1)), "the step is at least"},
		{"large step", create(WithGrowth(MinPool, MinPool+1)), "and the limit"},
		{"step of more than 32 bits", create(WithGrowth(1<<40, 2<<30)), "at most 2145386496 (MaxStep)"},
		{"size beyond the limit", create(WithGrowth(MinPool, 0), WithSize(MinPool+1)), "is more than the limit"},
		{"folders alone", create(WithFolders("a")), "it needs WithGrowth"},
		{"no folders", create(WithGrowth(MinPool, 0), WithFolders()), "WithFolders without folders"},
		{"folder twice", create(WithGrowth(64*setMiB, 0), WithFolders("a", "./a")), "occurs twice"},
		{"root", create(WithGrowth(64*setMiB, 0), WithFolders("/")), "the root of the file system"},
		{"blank", create(WithGrowth(64*setMiB, 0), WithFolders("a b")), "cannot be written into a pool set file"},
		{"no parent", create(WithGrowth(64*setMiB, 0), WithFolders("/nowhere/at/all")), "/nowhere/at/all"},
		{"folder is a file", create(WithGrowth(64*setMiB, 0), WithFolders("/etc/passwd")), "/etc/passwd"},
		{"no folder for the file", closing(Create("/nowhere/db.set", "x", WithGrowth(64*setMiB, 0))), "/nowhere/db.set"},
		{"limit beyond the addresses", create(WithGrowth(1<<63-1, 0)), "no address space for a pool that grows to 9223372036854771712 bytes"},
		{"at open", closing(Open(path, "x", WithGrowth(64*setMiB, 0))), "WithGrowth has no meaning here"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.ErrorContains(t, tt.err, tt.want)
		})
	}
	require.Empty(t, treeOf(t, filepath.Dir(path)))

	_, set := handmadeSet(t, "PMEMPOOLSET\n8M DIR/a\n")
	require.ErrorContains(t, closing(Create(set, "x", WithSize(MinPool))), "WithSize has no meaning here")
	require.ErrorIs(t, closing(Create(set, "x", WithGrowth(64*setMiB, 0))), fs.ErrExist)
}

// Ensure that a folder that holds parts is not used for another pool, and that
// what is in the way stays as it is.
func TestCreateGrowingInTheWay(t *testing.T) {
	setParallel(t)
	path := setPath(t)
	p := testpool.Create(t, path, WithSize(MinPool), WithGrowth(32*setMiB, 4*setMiB))
	require.NoError(t, setPush(p, setRootOf(t, p)))
	for range 2 {
		before := treeOf(t, filepath.Dir(path))
		other := filepath.Join(filepath.Dir(path), "other.set")
		err := closing(Create(other, "x", WithGrowth(32*setMiB, 0), WithFolders(path+".parts")))
		require.ErrorIs(t, err, fs.ErrExist)
		require.ErrorContains(t, err, "holds parts of another pool, 000000.pmem for one")
		require.ErrorIs(t, closing(Create(path, "x", WithGrowth(32*setMiB, 0))), fs.ErrExist)
		require.Equal(t, before, treeOf(t, filepath.Dir(path)))
		require.NoError(t, p.Close())
	}
	// Nor is a pool made anew whose disk is not mounted.
	require.NoError(t, os.Rename(path+".parts", path+".away"))
	err := closing(OpenOrCreate(path, ""))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "part "+path+".parts")
	require.NoError(t, os.Mkdir(path+".parts", 0o700))
	err = closing(OpenOrCreate(path, ""))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "its folders hold no parts")
	err = closing(Create(path, "x"))
	require.ErrorIs(t, err, fs.ErrExist)
	require.ErrorContains(t, err, "the pool was created before")
	require.NoError(t, os.Remove(path+".parts"))
	require.NoError(t, os.Rename(path+".away", path+".parts"))

	// A part is not a pool, even while it is all there is.
	err = closing(Open(filepath.Join(path+".parts", "000000.pmem"), ""))
	require.ErrorIs(t, err, unix.ENOTSUP)
	require.ErrorContains(t, err, "one part of a pool set")
}

// Ensure that what a killed creation left is removed, by the next one at the
// same path or in the same folder, and nothing that anybody needs: not while the
// creator lives, not if it had finished, and not if it had not begun to make
// parts.
func TestUnfinishedCreation(t *testing.T) {
	setParallel(t)
	const text = "PMEMPOOLSET\nOPTION SINGLEHDR\n16M DIR/d1\n"
	const armed = "# the pool's parts lie in these folders\n"
	create := func(path, dir string) error {
		return closing(Create(path, "x", WithGrowth(16*setMiB, 0), WithFolders(dir+"/d1")))
	}
	leave := func(t *testing.T, text string) (dir, path, draft string) {
		dir, hand := handmadeSet(t, text)
		path = filepath.Join(dir, "db.set")
		draft = filepath.Join(dir, ".db.set.0123456789abcdef.set.creating")
		require.NoError(t, os.Rename(hand, draft))
		require.NoError(t, os.WriteFile(dir+"/d1/.pmdk-go.creating", []byte(draft), 0o600))
		require.NoError(t, os.WriteFile(dir+"/d1/000000.pmem", []byte("half"), 0o600))
		return dir, path, draft
	}
	done := func(t *testing.T, dir, path string) {
		t.Helper()
		testpool.Check(t, path)
		require.Equal(t, []string{dir + "/d1/000000.pmem 8388608", path + " " + sizeOf(t, path)}, treeOf(t, dir))
	}
	t.Run("same path", func(t *testing.T) {
		dir, path, _ := leave(t, text+armed)
		require.NoError(t, create(path, dir))
		done(t, dir, path)
	})
	t.Run("same folder", func(t *testing.T) {
		dir, path, _ := leave(t, text+armed)
		require.NoError(t, create(path+"2", dir))
		done(t, dir, path+"2")
	})
	t.Run("no parts made", func(t *testing.T) {
		// Whose the parts are is not known.
		dir, path, _ := leave(t, text)
		require.ErrorContains(t, create(path, dir), "holds parts of another pool")
		require.NoError(t, os.Remove(dir+"/d1/000000.pmem"))
		require.NoError(t, create(path, dir))
		done(t, dir, path)
	})
	t.Run("claim of somebody else", func(t *testing.T) {
		dir, path, draft := leave(t, text+armed)
		require.NoError(t, os.WriteFile(dir+"/d1/.pmdk-go.creating", []byte(draft+"2"), 0o600))
		require.ErrorContains(t, create(path, dir), "holds parts of another pool")
		require.FileExists(t, dir+"/d1/000000.pmem")
	})
	t.Run("complete", func(t *testing.T) {
		dir, path, draft := leave(t, text+armed)
		require.NoError(t, os.Rename(draft, path))
		require.ErrorIs(t, create(path, dir), fs.ErrExist)
		require.ErrorContains(t, create(path+"2", dir), "holds parts of another pool")
		require.FileExists(t, dir+"/d1/000000.pmem")
	})
	t.Run("complete, with two names", func(t *testing.T) {
		dir, path, draft := leave(t, text+armed)
		require.NoError(t, os.Link(draft, path))
		require.ErrorIs(t, create(path, dir), fs.ErrExist)
		require.ErrorContains(t, create(path+"2", dir), "holds parts of another pool")
		require.FileExists(t, dir+"/d1/000000.pmem")
		require.FileExists(t, path)
	})
	t.Run("under way", func(t *testing.T) {
		dir, path, draft := leave(t, text+armed)
		f, err := os.OpenFile(draft, os.O_RDWR, 0)
		require.NoError(t, err)
		require.NoError(t, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}))
		before := treeOf(t, dir)
		for _, p := range []string{path, path + "2"} {
			err := create(p, dir)
			require.ErrorIs(t, err, unix.EBUSY)
			require.ErrorContains(t, err, "another process is creating a pool there")
		}
		require.Equal(t, before, treeOf(t, dir))
		require.NoError(t, f.Close())
		require.NoError(t, create(path, dir))
		done(t, dir, path)
	})
	t.Run("not ours", func(t *testing.T) {
		dir, path, draft := leave(t, "a letter\n")
		require.ErrorContains(t, create(path, dir), "not what a creation left")
		require.FileExists(t, draft)
		require.FileExists(t, dir+"/d1/000000.pmem")
	})
}

func sizeOf(t *testing.T, path string) string {
	t.Helper()
	st, err := os.Stat(path)
	require.NoError(t, err)
	return fmt.Sprint(st.Size())
}

// Ensure that of several goroutines that create one pool at most one does, also
// where a killed process was before them.
func TestCreateGrowingAtOnce(t *testing.T) {
	setParallel(t)
	for _, stale := range []bool{false, true} {
		for range 6 {
			path := setPath(t)
			if stale {
				folder := path + ".parts"
				draft := filepath.Join(filepath.Dir(path), ".db.set.0123.set.creating")
				require.NoError(t, os.Mkdir(folder, 0o700))
				require.NoError(t, os.WriteFile(draft, []byte("PMEMPOOLSET\nOPTION SINGLEHDR\n16M "+folder+"\n# the pool's parts lie in these folders\n"), 0o600))
				require.NoError(t, os.WriteFile(folder+"/.pmdk-go.creating", []byte(draft), 0o600))
				require.NoError(t, os.WriteFile(folder+"/000000.pmem", []byte("half"), 0o600))
			}
			create := func() (*Pool, error) {
				return Create(path, testpool.Layout, WithGrowth(16*setMiB, 0), WithDurability(DurabilityProcessCrash))
			}
			made := make(chan *Pool, 6)
			var wg sync.WaitGroup
			for range cap(made) {
				wg.Go(func() {
					p, err := create()
					switch {
					case err == nil:
						made <- p
					case !errors.Is(err, fs.ErrExist) && !errors.Is(err, unix.EBUSY):
						t.Error(err)
					}
				})
			}
			wg.Wait()
			close(made)
			n := 0
			for p := range made {
				n++
				require.NoError(t, p.Close())
				testpool.Check(t, path)
			}
			require.LessOrEqual(t, n, 1, "pools were made")
			if n == 0 { // they were in each other's way
				require.NoError(t, closing(create()))
			}
			require.Len(t, treeOf(t, filepath.Dir(path)), 2)
		}
	}
}
