package libpmempool_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	. "github.com/pmem/pmdk-go/libpmempool"
)

func TestPoolSetText(t *testing.T) {
	set := &PoolSet{SingleHeader: true, Comments: []string{" by hand"}}
	set.AddPart("/data/a", 1<<30).AddPart("/data/b", 3<<20+1)
	set.AddReplica().AddPart("/mirror", 2<<30)
	text, err := set.MarshalText()
	require.NoError(t, err)
	assert.Equal(t, "PMEMPOOLSET\n# by hand\nOPTION SINGLEHDR\n1GiB /data/a\n3145729 /data/b\nREPLICA\n2GiB /mirror\n", string(text))
	parsed, err := ParsePoolSet(text)
	require.NoError(t, err)
	assert.Equal(t, set, parsed)
	var again PoolSet
	require.NoError(t, again.UnmarshalText(text))
	assert.Equal(t, *set, again)
	require.Error(t, again.UnmarshalText([]byte("x")))
	assert.Equal(t, *set, again, "unchanged by an error")

	path := filepath.Join(t.TempDir(), "set")
	require.NoError(t, set.WriteFile(path, 0o600))
	require.ErrorIs(t, set.WriteFile(path, 0o600), os.ErrExist)
	read, err := ReadPoolSet(path)
	require.NoError(t, err)
	assert.Equal(t, set, read)
	require.ErrorIs(t, set.WriteFile("", 0o600), unix.EINVAL)
	_, err = ReadPoolSet("")
	require.ErrorIs(t, err, unix.EINVAL)
	_, err = ReadPoolSet(t.TempDir())
	require.ErrorIs(t, err, unix.EISDIR)
}

// Ensure that a text that is no pool set says where and why, and that nothing
// is written that would be read as something else.
func TestPoolSetErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "line 1: the first line must be exactly",
		"PMEMPOOLSET\n":                  "line 2: no pool set parts",
		"PMEMPOOLSET\n8M a\n":            "line 2: incorrect path",
		"PMEMPOOLSET\n8X /a\n":           "line 2: incorrect format of size",
		"PMEMPOOLSET\nOPTION X\n8M /a\n": `line 2: unknown option "X"`,
		"PMEMPOOLSET\n8M /" + strings.Repeat("x", 5000): "at most 4095",
		strings.Repeat("#", 2<<20):                      "too long",
	} {
		_, err := ParsePoolSet([]byte(text))
		var syntax *SyntaxError
		require.ErrorAs(t, err, &syntax)
		assert.ErrorContains(t, err, want)
		path := filepath.Join(t.TempDir(), "set")
		if !strings.HasPrefix(text, "PMEM") {
			continue
		}
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err = Check(t.Context(), path)
		require.ErrorIs(t, err, unix.EINVAL)
		require.ErrorContains(t, err, want)
	}
	for _, set := range []*PoolSet{
		{}, new(PoolSet).AddReplica(), new(PoolSet).AddPart("relative", 8<<20), new(PoolSet).AddPart("/a b", 8<<20),
		new(PoolSet).AddPart("/a\n8M /b", 8<<20), new(PoolSet).AddPart("/a", 0), new(PoolSet).AddPart("/a#", 8<<20),
		{Comments: []string{"a\nb"}, Replicas: []Replica{{Parts: []Part{{Path: "/a", Size: 1}}}}},
		{Replicas: []Replica{{Descriptor: "x"}}},
	} {
		_, err := set.MarshalText()
		require.ErrorIs(t, err, unix.EINVAL, "%+v", set)
		require.ErrorIs(t, set.Validate(TypeDetect), unix.EINVAL)
	}
}

func TestPoolSetValidate(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	require.NoError(t, new(PoolSet).AddPart(a, 8<<20).Validate(TypeObj, dir))
	require.NoError(t, new(PoolSet).AddPart(a, 2<<20).Validate(TypeLog))
	cases := []struct {
		set  *PoolSet
		kind Type
		dirs []string
		want string
	}{
		{new(PoolSet).AddPart(a, 2<<20), TypeObj, nil, "a pool has at least 8388608"},
		{new(PoolSet).AddPart(a, 1<<20), TypeLog, nil, "a pool has at least 2097152"},
		{new(PoolSet).AddPart(a, 8<<20).AddPart(a, 8<<20), TypeObj, nil, "occurs twice"},
		{new(PoolSet).AddPart("/", 8<<20), TypeObj, nil, "the root of the file system"},
		{&PoolSet{NoHeaders: true, Replicas: []Replica{{Parts: []Part{{Path: a, Size: 8 << 20}}}}}, TypeObj, nil, "NOHDRS option is not supported"},
		{new(PoolSet).AddPart(a, 4<<20).AddReplica().AddPart(b, 4<<20), TypeLog, nil, "replication is not supported for log pools"},
		{new(PoolSet).AddPart("/elsewhere", 8<<20), TypeObj, []string{dir}, "outside of the allowed folders"},
		{&PoolSet{Replicas: []Replica{{Parts: []Part{{Path: a, Size: 8 << 20}}}, {Node: "h", Descriptor: "s"}}}, TypeObj, nil, "remote replicas are not supported"},
		{&PoolSet{Replicas: []Replica{{Parts: []Part{{Path: "/dev/dax0.0", Auto: true}}}}}, TypeObj, nil, "devices are not supported"},
	}
	for _, c := range cases {
		require.ErrorContains(t, c.set.Validate(c.kind, c.dirs...), c.want)
	}
}

// FuzzParsePoolSet ensures that no text makes the parser panic, and that what
// it reads prints and reads back as the same set.
func FuzzParsePoolSet(f *testing.F) {
	for _, seed := range []string{
		"", "PMEMPOOLSET", "PMEMPOOLSET\n8M /a\n", "PMEMPOOLSET\n8M /\n",
		"PMEMPOOLSET\r\nOPTION SINGLEHDR\r\n64GiB /data/a\r\n#c\r\r\n64GB /data/b # x\r\n",
		"PMEMPOOLSET\n4M /a\nREPLICA\nAUTO /dev/dax0.0\nREPLICA u@h d/s.set\n",
		"PMEMPOOLSET\nOPTION NOHDRS\n18446744073709551615P /\xff\x00\n",
		"PMEMPOOLSET\n8M /a/../..\n8M /b/.\n",
	} {
		f.Add([]byte(seed))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := ParsePoolSet(text)
		if err != nil {
			return
		}
		printed, err := set.MarshalText()
		require.NoError(t, err)
		again, err := ParsePoolSet(printed)
		require.NoError(t, err)
		require.Equal(t, set, again)
		if err := set.Validate(TypeObj, dir); err == nil {
			for _, r := range set.Replicas {
				for _, p := range r.Parts {
					require.True(t, strings.HasPrefix(filepath.Clean(p.Path), dir))
				}
			}
		}
	})
}
