package libpmemobj_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// filledSet makes a closed pool in a pool set, with blocks in it.
func filledSet(t *testing.T, text string) (dir, path string) {
	t.Helper()
	dir, path = handmadeSet(t, text)
	p, err := Create(path, testpool.Layout, WithDurability(DurabilityProcessCrash))
	require.NoError(t, err)
	t.Cleanup(func() { testpool.Close(t, p) })
	root := setRootOf(t, p)
	// Threads have runs of their own: how much fits is not always the same.
	for n := 0; p.Limit() > p.Size() && p.Size() < 16*setMiB || p.Limit() == p.Size() && n < 150; n++ {
		if err := setPush(p, root); err != nil {
			require.ErrorIs(t, err, ErrOutOfSpace)
			break
		}
	}
	require.NoError(t, p.Close())
	return dir, path
}

// copySet copies a set that filledSet made.
func copySet(t *testing.T, from, text string) (dir, path string) {
	t.Helper()
	dir, path = handmadeSet(t, text)
	require.NoError(t, filepath.WalkDir(from, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == filepath.Base(path) {
			return err
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return os.WriteFile(dir+strings.TrimPrefix(file, from), b, 0o600)
	}))
	return dir, path
}

const (
	setOfFiles    = "PMEMPOOLSET\n8M DIR/a\n5M DIR/b\n4M DIR/c\nREPLICA\n17M DIR/r\n"
	setOfOneHead  = "PMEMPOOLSET\nOPTION SINGLEHDR\n8M DIR/a\n5M DIR/b\n4M DIR/c\n"
	setWithFolder = "PMEMPOOLSET\n# pmdk-go: growth step 4MiB\nOPTION SINGLEHDR\n64M DIR/d1\n"
)

// edit writes into a file.
func edit(t *testing.T, path string, off int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(b, off)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// rehead changes a header and makes its checksum right.
func rehead(t *testing.T, path string, off int, b []byte) {
	t.Helper()
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	copy(file[off:], b)
	binary.LittleEndian.PutUint64(file[4088:], 0)
	binary.LittleEndian.PutUint64(file[4088:], poolheader.HeaderChecksum(file[:4096]))
	edit(t, path, 0, file[:4096])
}

func swap(t *testing.T, a, b string) {
	t.Helper()
	require.NoError(t, os.Rename(a, a+".tmp"))
	require.NoError(t, os.Rename(b, a))
	require.NoError(t, os.Rename(a+".tmp", b))
}

// Ensure that parts that are damaged, missing, exchanged, cut or another
// pool's are found before C sees them, and named.
func TestDamagedSet(t *testing.T) {
	setParallel(t)
	tests := []struct {
		name, text string
		damage     func(t *testing.T, dir string)
		part       string // the path of the *CorruptError; empty for another error
		want       string
	}{
		{"header of a later part", setOfFiles, func(t *testing.T, dir string) { edit(t, dir+"/b", 100, []byte{1}) }, "b", "checksum is"},
		{"signature of a later part", setOfFiles, func(t *testing.T, dir string) { edit(t, dir+"/c", 0, make([]byte, 8)) }, "c", "not a pmemobj pool"},
		{"header of a replica", setOfFiles, func(t *testing.T, dir string) { edit(t, dir+"/r", 4090, []byte{1, 2}) }, "r", "checksum is"},
		{"descriptor of a replica", setOfFiles, func(t *testing.T, dir string) { edit(t, dir+"/r", 4096, []byte("x")) }, "r", "checksum is"},
		{"version of a part", setOfFiles, func(t *testing.T, dir string) { rehead(t, dir+"/b", 8, []byte{9}) }, "b", "format version 9"},
		{"features of a part", setOfFiles, func(t *testing.T, dir string) { rehead(t, dir+"/b", 16, []byte{0x82}) }, "", "features that PMDK 1.12 does not know: 0x80"},
		{"pool of a part", setOfFiles, func(t *testing.T, dir string) { rehead(t, dir+"/b", 24, []byte("another")) }, "b", "a part of another pool than "},
		{"link back", setOfFiles, func(t *testing.T, dir string) { rehead(t, dir+"/b", 56, []byte("another")) }, "b", "part before this one is not the one"},
		{"link forth", setOfFiles, func(t *testing.T, dir string) { rehead(t, dir+"/a", 72, []byte("another")) }, "a", "part behind this one is not the one"},
		{"link to the replica", setOfFiles, func(t *testing.T, dir string) { rehead(t, dir+"/c", 88, []byte("another")) }, "c", "replica before this one is not the one"},
		{"link from the replica", setOfFiles, func(t *testing.T, dir string) { rehead(t, dir+"/r", 104, []byte("another")) }, "r", "replica behind this one is not the one"},
		{"part missing", setOfFiles, func(t *testing.T, dir string) { require.NoError(t, os.Remove(dir+"/b")) }, "", "part DIR/b"},
		{"part cut", setOfFiles, func(t *testing.T, dir string) { require.NoError(t, os.Truncate(dir+"/b", 3<<20)) }, "", "line 3: DIR/b has 3145728 bytes, not 5242880"},
		{"part emptied", setOfFiles, func(t *testing.T, dir string) { require.NoError(t, os.Truncate(dir+"/b", 0)) }, "", "line 3: DIR/b has 0 bytes"},
		{"part is a folder", setOfFiles, func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(dir+"/b"))
			require.NoError(t, os.Mkdir(dir+"/b", 0o700))
		}, "", "files and folders cannot be mixed"},
		{"part is a pipe", setOfFiles, func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(dir+"/b"))
			require.NoError(t, unix.Mkfifo(dir+"/b", 0o600))
		}, "", "part DIR/b is neither a file nor a folder"},
		{"parts exchanged", "PMEMPOOLSET\n8M DIR/a\n5M DIR/b\n5M DIR/c\n", func(t *testing.T, dir string) { swap(t, dir+"/b", dir+"/c") }, "a", "missing, exchanged, or in the wrong order"},
		{"first and last exchanged", "PMEMPOOLSET\n8M DIR/a\n5M DIR/b\n8M DIR/c\n", func(t *testing.T, dir string) { swap(t, dir+"/a", dir+"/c") }, "a", "missing, exchanged, or in the wrong order"},
		{"fewer parts", setOfFiles, func(t *testing.T, dir string) {
			writeSet(t, dir+"/hand.set", "PMEMPOOLSET\n8M DIR/a\n5M DIR/b\nREPLICA\n17M DIR/r\n")
		}, "a", "part before this one is not the one"},
		{"fewer replicas", setOfFiles, func(t *testing.T, dir string) {
			writeSet(t, dir+"/hand.set", "PMEMPOOLSET\n8M DIR/a\n5M DIR/b\n4M DIR/c\n")
		}, "a", "replica before this one is not the one"},
		{"option added", setOfFiles, func(t *testing.T, dir string) {
			writeSet(t, dir+"/hand.set", "PMEMPOOLSET\nOPTION SINGLEHDR\n8M DIR/a\n5M DIR/b\n4M DIR/c\n")
		}, "", "OPTION SINGLEHDR: true in the file, false in the part"},
		{"option left out", setOfOneHead, func(t *testing.T, dir string) {
			writeSet(t, dir+"/hand.set", "PMEMPOOLSET\n8M DIR/a\n5M DIR/b\n4M DIR/c\n")
		}, "", "OPTION SINGLEHDR: false in the file, true in the part"},
		{"last part left out", setOfOneHead, func(t *testing.T, dir string) {
			writeSet(t, dir+"/hand.set", "PMEMPOOLSET\nOPTION SINGLEHDR\n8M DIR/a\n5M DIR/b\n")
		}, "b", "the pool has 17825792 bytes, its parts only 13631488"},
		{"first part is another", setOfOneHead, func(t *testing.T, dir string) { swap(t, dir+"/a", dir+"/b") }, "", "DIR/a has 5242880 bytes, not 8388608"},
		{"run in a later part", setOfOneHead, func(t *testing.T, dir string) { clearAll(t, dir+"/b") }, "b", "run in zone 0 chunk"},
		{"lane", setOfOneHead, func(t *testing.T, dir string) { edit(t, dir+"/a", 8192+16, []byte{0xff, 0xff}) }, "a", "lane 0 redo log"},

		{"folder emptied", setWithFolder, func(t *testing.T, dir string) {
			for n := range 5 {
				_ = os.Remove(fmt.Sprintf("%s/d1/%06d.pmem", dir, n))
			}
		}, "", "its folders hold no parts"},
		{"folder gone", setWithFolder, func(t *testing.T, dir string) { require.NoError(t, os.RemoveAll(dir+"/d1")) }, "", "part DIR/d1"},
		{"first part missing", setWithFolder, func(t *testing.T, dir string) { require.NoError(t, os.Remove(dir+"/d1/000000.pmem")) }, "d1/000001.pmem", "not a pmemobj pool"},
		{"middle part missing", setWithFolder, func(t *testing.T, dir string) { require.NoError(t, os.Remove(dir+"/d1/000001.pmem")) }, "d1/000002.pmem", "000001.pmem is missing"},
		{"last part missing", setWithFolder, func(t *testing.T, dir string) { require.NoError(t, os.Remove(dir+"/d1/000002.pmem")) }, "d1/000001.pmem", "the pool has 16777216 bytes, its parts only 12582912"},
		{"last part cut", setWithFolder, func(t *testing.T, dir string) { require.NoError(t, os.Truncate(dir+"/d1/000002.pmem", 3<<20)) }, "d1/000002.pmem", "or one has been cut"},
		{"middle part emptied", setWithFolder, func(t *testing.T, dir string) { require.NoError(t, os.Truncate(dir+"/d1/000001.pmem", 0)) }, "d1/000002.pmem", "or one has been cut"},
		{"a file of the user's", setWithFolder, func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(dir+"/d1/mine.pmem", nil, 0o600))
		}, "d1/mine.pmem", "PMDK gives no part such a name"},
		{"a folder in the folder", setWithFolder, func(t *testing.T, dir string) { require.NoError(t, os.Mkdir(dir+"/d1/000003.pmem", 0o700)) }, "", "part DIR/d1/000003.pmem"},
		{"the same number twice", "PMEMPOOLSET\n# pmdk-go: growth step 4MiB\nOPTION SINGLEHDR\n32M DIR/d1\n32M DIR/d2\n", func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(dir+"/d1/000001.pmem", make([]byte, 4<<20), 0o600))
		}, "d2/000001.pmem", "has the number of "},
		{"part beyond the limit", setWithFolder, func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(dir+"/d1/000003.pmem", nil, 0o600))
			require.NoError(t, os.Truncate(dir+"/d1/000003.pmem", 1<<40))
		}, "", "more than the 67108864 that its folders may have"},
		{"heap size", setWithFolder, func(t *testing.T, dir string) {
			edit(t, dir+"/d1/000000.pmem", 6176, binary.LittleEndian.AppendUint64(nil, 6<<20))
		}, "d1/000000.pmem", "chunks, the heap has room for"},
	}
	filled := map[string]string{}
	for _, tt := range tests {
		if filled[tt.text] == "" {
			filled[tt.text], _ = filledSet(t, tt.text)
		}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			setParallel(t)
			dir, path := copySet(t, filled[tt.text], tt.text)
			tt.damage(t, dir)
			before := treeOf(t, dir)
			for name, err := range map[string]error{
				"Open":         closing(Open(path, "")),
				"copy":         closing(Open(path, "", WithCopyOnWrite())),
				"verified":     closing(Open(path, testpool.Layout, WithVerify())),
				"Check":        Check(path, ""),
				"OpenOrCreate": openOrCreateUnless(tt.name == "folder emptied", path),
			} {
				if err == errSkipped {
					continue
				}
				require.ErrorContains(t, err, strings.ReplaceAll(tt.want, "DIR", dir), name)
				var corrupt *CorruptError
				if tt.part == "" {
					require.False(t, errors.As(err, &corrupt), "%s: %v", name, err)
					continue
				}
				require.ErrorAs(t, err, &corrupt, name)
				require.Equal(t, filepath.Join(dir, tt.part), corrupt.Path, "%s: %v", name, err)
			}
			require.Equal(t, before, treeOf(t, dir))
		})
	}
}

var errSkipped = errors.New("not tried")

func openOrCreateUnless(skip bool, path string) error {
	if skip {
		return errSkipped
	}
	return closing(OpenOrCreate(path, ""))
}

func clearAll(t *testing.T, path string) {
	t.Helper()
	st, err := os.Stat(path)
	require.NoError(t, err)
	edit(t, path, 4096, make([]byte, st.Size()-4096))
}

// Ensure that what a growth that was cut short can leave is cleaned up by Open,
// of any length, and called by its name by what must not change anything.
func TestUnusedPart(t *testing.T) {
	setParallel(t)
	from, _ := filledSet(t, setWithFolder)
	for _, size := range []int64{0, 1, 4096, MinPart - 1, MinPart, 4<<20 + 1, 48 << 20} {
		t.Run(strconv.FormatInt(size, 10), func(t *testing.T) {
			dir, path := copySet(t, from, setWithFolder)
			sound := treeOf(t, dir)
			part := dir + "/d1/000003.pmem"
			require.NoError(t, os.WriteFile(part, nil, 0o600))
			require.NoError(t, os.Truncate(part, size))
			with := treeOf(t, dir)
			copied, checked := closing(Open(path, "", WithCopyOnWrite())), Check(path, "")
			if size < MinPart {
				require.ErrorContains(t, copied, part+" is what a killed process left of growing the pool")
				require.ErrorContains(t, checked, part+" is what a killed process left of growing the pool")
			}
			require.Equal(t, with, treeOf(t, dir))
			p := testpool.Open(t, path)
			require.Equal(t, sound, treeOf(t, dir))
			setVerify(t, setRootOf(t, p))
			require.NoError(t, p.Extend(MinPart))
			require.NoError(t, p.Close())
			testpool.Check(t, path)
			require.NoError(t, os.WriteFile(part, []byte("mine"), 0o600))
			require.Error(t, closing(Open(path, "")), "a part that was written to is not removed")
			require.FileExists(t, part)
		})
	}
}

// Ensure that numbers that PMDK left out because the disk was full are made
// good, and only if it was that.
func TestPartNumbers(t *testing.T) {
	setParallel(t)
	dir, path := filledSet(t, setWithFolder)
	part := func(n int) string { return fmt.Sprintf("%s/d1/%06d.pmem", dir, n) }
	sound := treeOf(t, dir)
	require.NoError(t, os.Rename(part(2), part(9)))
	require.NoError(t, os.Rename(part(1), part(4)))
	with := treeOf(t, dir)
	for _, err := range []error{Check(path, ""), closing(Open(path, "", WithCopyOnWrite()))} {
		require.ErrorContains(t, err, "there is no part 000001.pmem: the disk was full for a while")
	}
	require.Equal(t, with, treeOf(t, dir))
	p := testpool.Open(t, path)
	require.Equal(t, sound, treeOf(t, dir))
	setVerify(t, setRootOf(t, p))
	require.NoError(t, p.Close())
	testpool.Check(t, path)

	// A part is missing, and another of its size is there.
	require.NoError(t, os.Remove(part(1)))
	require.NoError(t, os.WriteFile(part(7), make([]byte, 4<<20), 0o600))
	with = treeOf(t, dir)
	require.Error(t, closing(Open(path, "")))
	require.Equal(t, with, treeOf(t, dir))
}

// Ensure that no damage to any part makes the process die, whatever reads the
// set: a child opens sets with random damage.
func TestRandomlyDamagedSet(t *testing.T) {
	setParallel(t)
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	for i, text := range []string{setOfFiles, setOfOneHead, setWithFolder} {
		dir, path := filledSet(t, text)
		c := testchild.Start(t, "damage set", dir, path, strconv.Itoa(rounds), strconv.FormatUint(newRand(t).Uint64(), 10))
		lines := c.Output(t)
		require.Len(t, lines, rounds, "set %d", i)
		kinds := map[string]int{}
		for _, l := range lines {
			kinds[l]++
		}
		t.Logf("set %d: %v", i, kinds)
		require.NotZero(t, kinds["refused"])
	}
}

func init() {
	// Damages a set in one place, opens it, works with it, and repairs it, again
	// and again.
	testchild.Register("damage set", func(args []string) error {
		rounds, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		seed, err := strconv.ParseUint(args[3], 10, 64)
		if err != nil {
			return err
		}
		rnd := rand.New(rand.NewPCG(seed, 0))
		original := map[string][]byte{}
		var names []string
		err = filepath.WalkDir(args[0], func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			names = append(names, path)
			original[path], err = os.ReadFile(path)
			return err
		})
		if err != nil {
			return err
		}
		for range rounds {
			name := names[rnd.IntN(len(names))]
			b := append([]byte{}, original[name]...)
			places := []int{128, 4096, 8192, 3 << 20, 4 << 20, len(b)}
			for range 1 + rnd.IntN(4) {
				at := rnd.IntN(min(places[rnd.IntN(len(places))], len(b)))
				switch rnd.IntN(3) {
				case 0:
					b[at] ^= 1 << rnd.IntN(8)
				case 1:
					b[at] = byte(rnd.Uint64())
				case 2:
					clear(b[at:min(at+1+rnd.IntN(64), len(b))])
				}
			}
			if rnd.IntN(6) == 0 {
				b = b[:rnd.IntN(len(b))]
			}
			if err := os.WriteFile(name, b, 0o600); err != nil {
				return err
			}
			result := "refused"
			p, err := Open(args[1], "", WithVerify(), WithDurability(DurabilityProcessCrash))
			if err == nil {
				result = "opened"
				n := 0
				for range p.Objects() {
					n++
				}
				if oid, err := p.Alloc(nil, 100_000, 1); err == nil {
					err = p.Free(&oid)
					if err != nil {
						return err
					}
				}
				if err := p.Close(); err != nil {
					return err
				}
			}
			fmt.Println(result)
			if result == "opened" {
				err = restore(args[0], names, original)
			} else {
				err = os.WriteFile(name, original[name], 0o600)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// restore brings files back and removes all others.
func restore(dir string, names []string, original map[string][]byte) error {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && original[path] == nil {
			err = os.Remove(path)
		}
		return err
	})
	for _, name := range names {
		err = errors.Join(err, os.WriteFile(name, original[name], 0o600))
	}
	return err
}
