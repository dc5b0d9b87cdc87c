package libpmempool_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemblk"
	"github.com/pmem/pmdk-go/libpmemlog"
	. "github.com/pmem/pmdk-go/libpmempool"
)

// Ensure that Sync restores what one replica lost from the other, whichever it
// is and however it was lost.
func TestSync(t *testing.T) {
	cases := map[string]struct {
		file string
		lose func(t *testing.T, path string)
		want Result // of a check before
	}{
		"mirror's header":   {mirror, func(t *testing.T, p string) { damage(t, p, 0, 0, 4096) }, NotConsistent},
		"mirror's checksum": {mirror, func(t *testing.T, p string) { damage(t, p, 4088, 0xaa, 8) }, NotConsistent},
		"master's header":   {partA, func(t *testing.T, p string) { damage(t, p, 0, 0xff, 4096) }, NotConsistent},
		"second header":     {partB, func(t *testing.T, p string) { damage(t, p, 0, 0xff, 4096) }, NotConsistent},
		"mirror deleted":    {mirror, func(t *testing.T, p string) { require.NoError(t, os.Remove(p)) }, SyncRequired},
		"part deleted":      {partB, func(t *testing.T, p string) { require.NoError(t, os.Remove(p)) }, SyncRequired},
		"master deleted":    {partA, func(t *testing.T, p string) { require.NoError(t, os.Remove(p)) }, SyncRequired},
		"part truncated":    {partB, func(t *testing.T, p string) { require.NoError(t, os.Truncate(p, 3<<20)) }, SyncRequired},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := testpool.Dir(t)
			path := newSet(t, dir)
			require.NoError(t, Sync(path), "nothing to do")
			data := contents(t, filepath.Join(dir, mirror))[8192:]
			lost := filepath.Join(dir, c.file)
			c.lose(t, lost)

			report, messages, err := check(t, path)
			require.NoError(t, err)
			assert.Equal(t, c.want, report.Result, "%q", messages)
			assert.NotEmpty(t, messages)

			before, _ := os.ReadFile(lost)
			require.NoError(t, Sync(path, WithDryRun(), WithAllowedDirs(dir)))
			after, _ := os.ReadFile(lost)
			assert.Equal(t, before, after)

			require.NoError(t, Sync(path))
			report, _, err = check(t, path)
			require.NoError(t, err)
			assert.Equal(t, Consistent, report.Result)
			assert.True(t, data == contents(t, filepath.Join(dir, mirror))[8192:], "the mirror's content")
			parts := contents(t, filepath.Join(dir, partA))[8192:] + contents(t, filepath.Join(dir, partB))[4096:]
			assert.True(t, parts == data[:len(parts)], "the master's content")
			info, err := Info(path)
			require.NoError(t, err)
			assert.Empty(t, info.Damage)
		})
	}
}

// Ensure that without a sound replica, Sync says so and changes nothing.
func TestSyncImpossible(t *testing.T) {
	dir := testpool.Dir(t)
	path := newSet(t, dir)
	damage(t, filepath.Join(dir, partB), 0, 0, 4096)
	damage(t, filepath.Join(dir, mirror), 0, 0, 4096)
	before := contents(t, filepath.Join(dir, mirror))
	for _, opts := range [][]Option{nil, {WithDryRun()}} {
		err := Sync(path, opts...)
		require.ErrorIs(t, err, unix.EINVAL)
		require.ErrorContains(t, err, "no healthy replica found")
	}
	assert.Equal(t, before, contents(t, filepath.Join(dir, mirror)))
	report, _, err := check(t, path)
	require.NoError(t, err)
	assert.Equal(t, NotConsistent, report.Result)
	require.NoError(t, os.Remove(filepath.Join(dir, partA)))
	require.NoError(t, os.Remove(filepath.Join(dir, mirror)))
	report, _, err = check(t, path)
	require.NoError(t, err)
	assert.Equal(t, NotConsistent, report.Result)
	require.Error(t, Sync(path))

	set, err := ReadPoolSet(path)
	require.NoError(t, err)
	set.Replicas = set.Replicas[:1]
	one := filepath.Join(dir, "one.set")
	require.NoError(t, set.WriteFile(one, 0o600))
	require.ErrorIs(t, Sync(one), ErrNoReplicas)
	require.ErrorContains(t, Sync(filepath.Join(dir, partB)), "not a pool set file")
	require.ErrorContains(t, Sync(newLog(t, dir)), "not a pool set file")
	require.ErrorIs(t, Sync(filepath.Join(dir, "none")), os.ErrNotExist)
	require.ErrorContains(t, Sync(path, WithYes()), "no meaning here")
}

// Ensure that an empty part, on which C faults, is refused with what to do.
func TestSyncEmptyPart(t *testing.T) {
	dir := testpool.Dir(t)
	path := newSet(t, dir)
	empty := filepath.Join(dir, partA)
	require.NoError(t, os.Truncate(empty, 0))
	report, _, err := check(t, path)
	require.NoError(t, err)
	assert.Equal(t, SyncRequired, report.Result)
	for _, opts := range [][]Option{nil, {WithDryRun()}} {
		require.ErrorContains(t, Sync(path, opts...), "it is empty, on which PMDK faults: delete it")
	}
	require.NoError(t, os.Remove(empty))
	require.NoError(t, Sync(path))
	report, _, err = check(t, path)
	require.NoError(t, err)
	assert.Equal(t, Consistent, report.Result)
}

func TestTransform(t *testing.T) {
	dir := testpool.Dir(t)
	path := newSet(t, dir)
	set, err := ReadPoolSet(path)
	require.NoError(t, err)
	third := filepath.Join(dir, "third")
	three := *set
	three.Replicas = append(three.Replicas[:2:2], Replica{Parts: []Part{{Path: third, Size: 2 * partSize}}})
	more := filepath.Join(dir, "more.set")
	require.NoError(t, three.WriteFile(more, 0o600))

	require.NoError(t, Transform(path, more, WithDryRun()))
	assert.NoFileExists(t, third)
	require.NoError(t, Transform(path, more, WithAllowedDirs(dir)))
	assert.FileExists(t, third)
	report, _, err := check(t, more)
	require.NoError(t, err)
	assert.Equal(t, Consistent, report.Result)
	info, err := Info(more)
	require.NoError(t, err)
	assert.Empty(t, info.Damage)
	assert.Len(t, info.Files, 4)

	// And back again, without the mirror.
	two := three
	two.Replicas = []Replica{three.Replicas[0], three.Replicas[2]}
	fewer := filepath.Join(dir, "fewer.set")
	require.NoError(t, two.WriteFile(fewer, 0o600))
	require.NoError(t, Transform(more, fewer, WithDryRun()))
	assert.FileExists(t, filepath.Join(dir, mirror))
	require.NoError(t, Transform(more, fewer))
	assert.NoFileExists(t, filepath.Join(dir, mirror))
	report, _, err = check(t, fewer)
	require.NoError(t, err)
	assert.Equal(t, Consistent, report.Result)

	// A single header, and back.
	single := two
	single.SingleHeader = true
	option := filepath.Join(dir, "single.set")
	require.NoError(t, single.WriteFile(option, 0o600))
	require.NoError(t, Transform(fewer, option))
	on, err := FeatureQuery(option, FeatureSingleHeader)
	require.NoError(t, err)
	assert.True(t, on)
	info, err = Info(option)
	require.NoError(t, err)
	assert.Empty(t, info.Damage)
	require.NoError(t, Transform(option, fewer))
	on, err = FeatureQuery(fewer, FeatureSingleHeader)
	require.NoError(t, err)
	assert.False(t, on)
}

// Ensure that transformations that PMDK does not know are refused, with its
// reasons, and leave the pool as it was.
func TestTransformRefused(t *testing.T) {
	dir := testpool.Dir(t)
	path := newSet(t, dir)
	set, err := ReadPoolSet(path)
	require.NoError(t, err)
	write := func(name string, change func(*PoolSet)) string {
		s := *set
		s.Replicas = append([]Replica(nil), set.Replicas...)
		change(&s)
		to := filepath.Join(dir, name)
		require.NoError(t, s.WriteFile(to, 0o600))
		return to
	}
	other := Replica{Parts: []Part{{Path: filepath.Join(dir, "other"), Size: 2 * partSize}}}
	small := Replica{Parts: []Part{{Path: filepath.Join(dir, "small"), Size: 9 << 20}}}
	cases := map[string]struct {
		to   string
		want string
	}{
		"same":       {write("same", func(*PoolSet) {}), "equal"},
		"swap":       {write("swap", func(s *PoolSet) { s.Replicas[1] = other }), "at the same time"},
		"small":      {write("small", func(s *PoolSet) { s.Replicas = append(s.Replicas, small) }), ""},
		"two things": {write("two", func(s *PoolSet) { s.Replicas = append(s.Replicas, other); s.SingleHeader = true }), ""},
		"no headers": {write("nohdrs", func(s *PoolSet) { s.NoHeaders = true }), "NOHDRS option is not supported for local pool sets"},
		"not a set":  {newLog(t, dir), "not a pool set file"},
	}
	for name, c := range cases {
		for _, opts := range [][]Option{{WithDryRun()}, nil} {
			err := Transform(path, c.to, opts...)
			require.ErrorIs(t, err, unix.EINVAL, name)
			require.ErrorContains(t, err, c.want)
		}
	}
	require.ErrorIs(t, Transform(path, filepath.Join(dir, "none")), os.ErrNotExist)
	require.ErrorIs(t, Transform(path, ""), unix.EINVAL)
	require.ErrorIs(t, Transform(path, cases["swap"].to, WithAllowedDirs(filepath.Join(dir))), unix.EINVAL)
	report, _, err := check(t, path)
	require.NoError(t, err)
	assert.Equal(t, Consistent, report.Result)
	damage(t, filepath.Join(dir, partB), 0, 0, 4096)
	require.Error(t, Transform(path, write("third", func(s *PoolSet) { s.Replicas = append(s.Replicas, other) })))
}

// Ensure that nothing outside of the allowed folders is read, made or removed,
// however the path is written.
func TestAllowedDirs(t *testing.T) {
	dir, outside := testpool.Dir(t), testpool.Dir(t)
	path := newSet(t, dir)
	victim := newObj(t, outside)
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "way-out")))
	require.NoError(t, os.Symlink(filepath.Join(outside, "not-yet"), filepath.Join(dir, "dangling")))
	for name, part := range map[string]string{
		"plain":    victim,
		"dots":     dir + "/../" + filepath.Base(outside) + "/obj",
		"link":     filepath.Join(dir, "way-out", "obj"),
		"dangling": filepath.Join(dir, "dangling"),
		"prefix":   dir + "-not/obj",
	} {
		set := new(PoolSet).AddPart(filepath.Join(dir, partA), partSize).AddPart(filepath.Join(dir, partB), partSize)
		set.AddReplica().AddPart(part, 2*partSize)
		file := filepath.Join(dir, name+".set")
		require.NoError(t, set.WriteFile(file, 0o600))
		opt := WithAllowedDirs(dir)
		_, err := Check(t.Context(), file, opt)
		require.ErrorIs(t, err, ErrNotAllowed, name)
		require.ErrorIs(t, Sync(file, opt), ErrNotAllowed)
		require.ErrorIs(t, Transform(path, file, opt), ErrNotAllowed)
		require.ErrorIs(t, Transform(file, path, opt), ErrNotAllowed)
		_, err = Remove(file, opt, WithForce())
		require.ErrorIs(t, err, ErrNotAllowed)
		_, err = FeatureQuery(file, FeatureChecksum2K, opt)
		require.ErrorIs(t, err, ErrNotAllowed)
		_, err = Info(file, opt)
		require.ErrorIs(t, err, ErrNotAllowed)
	}
	_, err := Info(path, WithAllowedDirs("/nowhere"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Info(path, WithAllowedDirs(""))
	require.ErrorIs(t, err, unix.EINVAL)
	_, err = Info(path, WithAllowedDirs(outside, dir))
	require.NoError(t, err)
	assert.FileExists(t, victim)

	for _, root := range []string{"/", "/tmp/..", "//"} {
		file := filepath.Join(dir, "root.set")
		require.NoError(t, os.WriteFile(file, []byte("PMEMPOOLSET\n16M "+root+"\n"), 0o600))
		_, err := Check(t.Context(), file)
		require.ErrorContains(t, err, "the root of the file system cannot be a part")
		_, err = Remove(file, WithForce())
		require.ErrorContains(t, err, "the root of the file system cannot be a part")
	}
	file := filepath.Join(dir, "remote.set")
	require.NoError(t, os.WriteFile(file, []byte("PMEMPOOLSET\n16M /x\nREPLICA host x.set\n"), 0o600))
	_, err = Check(t.Context(), file)
	require.ErrorIs(t, err, ErrRemote)
	require.ErrorIs(t, Sync(file), ErrRemote)
}

func TestRemove(t *testing.T) {
	dir := testpool.Dir(t)
	path := newSet(t, dir)
	files := []string{filepath.Join(dir, partA), filepath.Join(dir, partB), filepath.Join(dir, mirror)}
	removed, err := Remove(path, WithDryRun(), WithSetFile())
	require.NoError(t, err)
	assert.Equal(t, append(files[:3:3], path), removed)
	for _, f := range removed {
		assert.FileExists(t, f)
	}
	removed, err = Remove(path)
	require.NoError(t, err)
	assert.Equal(t, files, removed)
	for _, f := range files {
		assert.NoFileExists(t, f)
	}
	_, err = Remove(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	removed, err = Remove(path, WithForce(), WithSetFile())
	require.NoError(t, err)
	assert.Equal(t, []string{path}, removed)
	assert.NoFileExists(t, path)

	for _, single := range []string{newLog(t, dir), newBlk(t, dir), newObj(t, dir)} {
		removed, err := Remove(single)
		require.NoError(t, err)
		assert.Equal(t, []string{single}, removed)
		assert.NoFileExists(t, single)
		_, err = Remove(single)
		require.ErrorIs(t, err, os.ErrNotExist)
		removed, err = Remove(single, WithForce())
		require.NoError(t, err)
		assert.Empty(t, removed)
	}

	text := filepath.Join(dir, "letter.txt")
	require.NoError(t, os.WriteFile(text, []byte("Dear pool,"), 0o600))
	_, err = Remove(text)
	require.ErrorIs(t, err, unix.EINVAL)
	require.ErrorContains(t, err, "not a pool")
	set := filepath.Join(dir, "evil.set")
	require.NoError(t, os.WriteFile(set, []byte("PMEMPOOLSET\n16M "+text+"\n"), 0o600))
	_, err = Remove(set)
	require.ErrorContains(t, err, "not a pool")
	assert.FileExists(t, text)
	_, err = Remove(text, WithForce())
	require.NoError(t, err)
	assert.NoFileExists(t, text)
	_, err = Remove(dir)
	require.ErrorIs(t, err, unix.EISDIR)
}

func TestFeatures(t *testing.T) {
	dir := testpool.Dir(t)
	for kind, path := range map[string]string{"obj": newObj(t, dir), "log": newLog(t, dir), "blk": newBlk(t, dir), "set": newSet(t, dir)} {
		t.Run(kind, func(t *testing.T) {
			state := func() (on []Feature) {
				for _, f := range Features() {
					set, err := FeatureQuery(path, f)
					require.NoError(t, err)
					if set {
						on = append(on, f)
					}
				}
				info, err := Info(path)
				require.NoError(t, err)
				require.Empty(t, info.Damage)
				for _, file := range info.Files {
					require.Equal(t, on, file.Header.Features())
				}
				report, _, err := check(t, path)
				require.NoError(t, err)
				require.Equal(t, Consistent, report.Result)
				return on
			}
			assert.Contains(t, state(), FeatureChecksum2K)
			assert.Contains(t, state(), FeatureShutdownState)

			_, err := FeatureDisable(path, FeatureChecksum2K)
			require.ErrorContains(t, err, "disable SHUTDOWN_STATE first")
			before := state()
			changed, err := FeatureDisable(path, FeatureShutdownState, WithDryRun())
			require.NoError(t, err)
			assert.True(t, changed)
			assert.Equal(t, before, state())
			for _, f := range []Feature{FeatureShutdownState, FeatureChecksum2K, FeatureCheckBadBlocks} {
				changed, err := FeatureDisable(path, f)
				require.NoError(t, err)
				assert.True(t, changed || f == FeatureCheckBadBlocks)
				changed, err = FeatureDisable(path, f)
				require.NoError(t, err)
				assert.False(t, changed, "off already")
			}
			assert.Empty(t, state())
			_, err = FeatureEnable(path, FeatureShutdownState)
			require.ErrorContains(t, err, "needs CKSUM_2K")
			for _, f := range []Feature{FeatureChecksum2K, FeatureShutdownState, FeatureCheckBadBlocks} {
				changed, err := FeatureEnable(path, f)
				require.NoError(t, err)
				assert.True(t, changed)
			}
			assert.Equal(t, []Feature{FeatureChecksum2K, FeatureShutdownState, FeatureCheckBadBlocks}, state())
			_, err = FeatureEnable(path, FeatureSingleHeader)
			require.ErrorContains(t, err, "Transform")
			_, err = FeatureQuery(path, 77)
			require.ErrorContains(t, err, "not a feature")
			_, err = FeatureQuery(path, FeatureChecksum2K, WithDryRun())
			require.ErrorContains(t, err, "no meaning here")
		})
	}
	requireBlocks(t, filepath.Join(dir, "blk"))
	require.NoError(t, libpmemlog.Check(filepath.Join(dir, "log")))
	testpool.Close(t, testpool.Open(t, filepath.Join(dir, "obj")))

	// What makes C abort or fault.
	set := filepath.Join(dir, "pool.set")
	require.NoError(t, os.Truncate(filepath.Join(dir, partB), 3<<20))
	_, err := FeatureQuery(set, FeatureChecksum2K)
	require.ErrorContains(t, err, "truncated: the pool set file says 8388608 bytes")
	require.NoError(t, os.Remove(filepath.Join(dir, partB)))
	_, err = FeatureEnable(set, FeatureCheckBadBlocks)
	require.ErrorIs(t, err, os.ErrNotExist)
	empty := filepath.Join(dir, "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err = FeatureQuery(empty, FeatureChecksum2K)
	require.ErrorContains(t, err, "it is empty")
	log := filepath.Join(dir, "log")
	damage(t, log, 4088, 0xaa, 8)
	_, err = FeatureDisable(log, FeatureCheckBadBlocks)
	var c *CorruptError
	require.ErrorAs(t, err, &c)
	assert.Equal(t, int64(4088), c.Offset)
}

// Ensure that folders as parts are looked into.
func TestDirectoryParts(t *testing.T) {
	dir := testpool.Dir(t)
	path := filepath.Join(dir, "pool.set")
	set := &PoolSet{SingleHeader: true}
	for _, name := range []string{"one", "two"} {
		folder := filepath.Join(dir, name)
		require.NoError(t, os.Mkdir(folder, 0o700))
		set.AddReplica().AddPart(folder, 64<<20)
	}
	require.NoError(t, set.WriteFile(path, 0o600))
	pmempool(t, "create", "obj", path)
	info, err := Info(path)
	require.NoError(t, err)
	assert.Empty(t, info.Damage)
	require.Len(t, info.Files, 2)
	assert.Equal(t, filepath.Join(dir, "one", "000000.pmem"), info.Files[0].Path)
	assert.Equal(t, TypeObj, info.Type)

	report, _, err := check(t, path)
	require.NoError(t, err)
	assert.Equal(t, Consistent, report.Result)
	require.NoError(t, os.Remove(info.Files[1].Path))
	report, _, err = check(t, path)
	require.NoError(t, err)
	assert.Equal(t, SyncRequired, report.Result)
	require.NoError(t, Sync(path))
	report, _, err = check(t, path)
	require.NoError(t, err)
	assert.Equal(t, Consistent, report.Result)
	removed, err := Remove(path)
	require.NoError(t, err)
	assert.Len(t, removed, 2)
}

// Ensure that pool sets of logs and blocks are checked and repaired, though
// they have no replicas.
func TestSetOfLogAndBlk(t *testing.T) {
	dir := testpool.Dir(t)
	for _, kind := range []string{"log", "blk"} {
		part := func(n string) string { return filepath.Join(dir, kind+n) }
		path := part(".set")
		require.NoError(t, new(PoolSet).AddPart(part("0"), 12<<20).AddPart(part("1"), 12<<20).WriteFile(path, 0o600))
		if kind == "blk" {
			p, err := libpmemblk.Create(path, 512, libpmemblk.WithDurability(libpmemblk.DurabilityProcessCrash))
			require.NoError(t, err)
			require.NoError(t, p.WriteBlock(1, make([]byte, 512))) // lays it out
			require.NoError(t, p.Close())
		} else {
			l, err := libpmemlog.Create(path, libpmemlog.WithDurability(libpmemlog.DurabilityProcessCrash))
			require.NoError(t, err)
			require.NoError(t, l.Close())
		}
		info, err := Info(path)
		require.NoError(t, err)
		assert.Empty(t, info.Damage, kind)
		assert.Equal(t, kind, info.Type.String())
		report, _, err := check(t, path)
		require.NoError(t, err)
		assert.Equal(t, Consistent, report.Result)
		require.ErrorContains(t, Sync(path), "only obj pools have replicas")

		if kind == "blk" {
			require.Len(t, info.Blk.Arenas, 1)
			damage(t, part("0"), 8192, 0, 4096)
		} else {
			damage(t, part("0"), 4096, 0, 24)
		}
		before := contents(t, part("1"))
		report, _, err = check(t, path)
		require.NoError(t, err)
		assert.Equal(t, NotConsistent, report.Result)
		report, _, err = check(t, path, WithRepair(), WithYes())
		require.NoError(t, err)
		assert.Equal(t, Repaired, report.Result)
		again, err := Info(path)
		require.NoError(t, err)
		assert.Empty(t, again.Damage)
		if kind == "blk" {
			assert.Equal(t, info.Blk, again.Blk)
		}
		assert.Equal(t, before, contents(t, part("1")))
		require.NoError(t, os.Remove(part("1")))
		_, err = Check(t.Context(), path)
		require.ErrorIs(t, err, os.ErrNotExist)
	}
}

// Ensure that goroutines that work on one pool set wait for each other, or are
// told that it is busy, and leave it whole.
func TestSetConcurrent(t *testing.T) {
	dir := testpool.Dir(t)
	path := newSet(t, dir)
	var wg sync.WaitGroup
	ok := func(err error) {
		assert.True(t, err == nil || errors.Is(err, unix.EAGAIN), "%v", err)
	}
	for range 3 {
		wg.Go(func() {
			for range 5 {
				ok(Sync(path))
			}
		})
		wg.Go(func() {
			for range 5 {
				_, err := FeatureDisable(path, FeatureCheckBadBlocks)
				ok(err)
				_, err = FeatureEnable(path, FeatureCheckBadBlocks)
				ok(err)
			}
		})
		wg.Go(func() {
			for range 5 {
				c, err := Check(t.Context(), path)
				if err == nil {
					_, err = c.Result()
				}
				var e *Error
				assert.True(t, err == nil || errors.As(err, &e), "%v", err)
			}
		})
	}
	wg.Wait()
	report, _, err := check(t, path)
	require.NoError(t, err)
	assert.Equal(t, Consistent, report.Result)
}

// Ensure that a pool set whose parts differ in their features, as after a kill,
// is refused with what to do, and that this helps.
func TestFeaturesDiffer(t *testing.T) {
	dir := testpool.Dir(t)
	path := newSet(t, dir)
	replica := filepath.Join(dir, mirror)
	old := contents(t, replica)[:4096]
	_, err := FeatureDisable(path, FeatureShutdownState)
	require.NoError(t, err)
	f, err := os.OpenFile(replica, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte(old), 0)
	require.NoError(t, errors.Join(err, f.Close()))

	_, err = FeatureQuery(path, FeatureShutdownState)
	require.ErrorContains(t, err, "its features are not those of")
	_, err = FeatureDisable(path, FeatureShutdownState)
	require.ErrorContains(t, err, "its features are not those of")
	require.ErrorContains(t, err, "delete the parts of one that differ, and Sync makes them anew")
	require.NoError(t, os.Remove(replica))
	require.NoError(t, Sync(path))
	on, err := FeatureQuery(path, FeatureShutdownState)
	require.NoError(t, err)
	assert.False(t, on)
	report, _, err := check(t, path)
	require.NoError(t, err)
	assert.Equal(t, Consistent, report.Result)
}
