package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemlog"
)

// kinds are arguments for creating pools of all kinds.
var kinds = map[string][]string{
	"log":       {"log"},
	"log, size": {"-s", "3M", "log"},
	"obj":       {"obj", "--layout", "lay out"},
	"obj, size": {"-s", "20M", "obj"},
	"blk":       {"blk", "512"},
	"blk, laid": {"-w", "blk", "5000"},
	"blk, size": {"blk", "-w", "-s", "40M", "4K"},
}

// pools makes a pool of each kind with each program.
func pools(t *testing.T) map[string]string {
	dir := testpool.Dir(t)
	all := map[string]string{}
	n := 0
	for name, args := range kinds {
		for _, by := range []string{"ours", "theirs"} {
			n++
			path := filepath.Join(dir, fmt.Sprintf("pool%d", n))
			full := append([]string{"create"}, append(args[:len(args):len(args)], path)...)
			if by == "ours" {
				must(t, full...)
			} else {
				code, _ := original(t, "", full...)
				require.Zero(t, code)
			}
			all[name+" by "+by] = path
		}
	}
	return all
}

var (
	uuids  = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	hashes = regexp.MustCompile(`0x[0-9a-f]{9,16}`)
	blanks = regexp.MustCompile(`[ \t]+`)
)

// normal is what info prints, for comparing: without what is spelled in another
// way, and, where the pools differ, without what is random.
func normal(text string, other bool) []string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(blanks.ReplaceAllString(line, " "))
		if other {
			line = hashes.ReplaceAllString(uuids.ReplaceAllString(line, "UUID"), "SUM")
			// Whether blocks never written are known to be zeros depends on who
			// made the file, libpmemblk or its caller.
			if strings.HasPrefix(line, "path") || strings.HasPrefix(line, "Creation Time") || strings.HasPrefix(line, "Is zeroed") {
				continue
			}
		}
		if line == "" || strings.HasPrefix(line, "State") || line == "Signature : BTT_ARENA_INFO" {
			continue
		}
		lines = append(lines, strings.NewReplacer(" [OK]", "[OK]", " (null)", "").Replace(line))
	}
	return lines
}

// Ensure that pools are described in the same way, whoever made them.
func TestInfoAgrees(t *testing.T) {
	all := pools(t)
	for name, path := range all {
		code, theirs := original(t, "", "info", path)
		require.Zero(t, code)
		assert.Equal(t, normal(theirs, false), normal(must(t, "info", path), false), name)
	}
	for name := range kinds {
		ours, theirs := all[name+" by ours"], all[name+" by theirs"]
		assert.Equal(t, normal(must(t, "info", theirs), true), normal(must(t, "info", ours), true), name)
		a, err := os.Stat(ours)
		require.NoError(t, err)
		b, err := os.Stat(theirs)
		require.NoError(t, err)
		assert.Equal(t, b.Size(), a.Size(), name)
		assert.Equal(t, b.Mode(), a.Mode(), name)
	}
}

// duplicate writes a pool that is mostly zeros to a file.
func duplicate(t *testing.T, path string, content []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Truncate(int64(len(content))))
	zeros := make([]byte, 64<<10)
	for off := 0; off < len(content); off += len(zeros) {
		if piece := content[off:min(off+len(zeros), len(content))]; !bytes.Equal(piece, zeros[:len(piece)]) {
			_, err := f.WriteAt(piece, int64(off))
			require.NoError(t, err)
		}
	}
}

// Ensure that a damaged pool is judged and repaired in the same way, down to
// the bytes, and with the same words.
func TestCheckAgrees(t *testing.T) {
	damages := map[string]struct {
		off int64
		b   byte
		n   int
	}{
		"none": {0, 0, 0}, "checksum": {4088, 0xaa, 8}, "uuid": {40, 0xaa, 4}, "major": {8, 0xaa, 1},
		"signature": {0, 0xaa, 8}, "header": {0, 0, 4096}, "descriptor": {4096, 0, 24}, "garbage": {4096, 0xff, 24},
		"BTT": {8192, 0xff, 4096}, "end": {8191, 0x11, 30},
	}
	dir := testpool.Dir(t)
	for name, path := range pools(t) {
		if strings.Contains(name, "size") || strings.HasSuffix(name, "by theirs") && !strings.HasPrefix(name, "log") {
			continue
		}
		content := read(t, path)
		for how, d := range damages {
			for _, flags := range []string{"-v", "-ryv", "-rayv", "-rydv", "-q"} {
				if flags == "-q" && how != "none" && how != "descriptor" {
					continue
				}
				ours, theirs := filepath.Join(dir, "a"), filepath.Join(dir, "b")
				for _, to := range []string{ours, theirs} {
					duplicate(t, to, content)
					write(t, to, d.off, d.b, d.n)
				}
				label := name + ", " + how + ", " + flags
				code, out, _ := tool(t, "", "check", flags, ours)
				wantCode, want := original(t, "", "check", flags, theirs)
				assert.Equal(t, wantCode, code, label)
				assert.Equal(t, strings.ReplaceAll(want, theirs, "POOL"), withoutCautions(strings.ReplaceAll(out, ours, "POOL")), label)
				assert.True(t, bytes.Equal(read(t, theirs), read(t, ours)), label)
			}
		}
	}
}

func withoutCautions(s string) string {
	var kept strings.Builder
	for line := range strings.Lines(s) {
		if !strings.HasPrefix(line, "caution: ") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// Ensure that the questions of a repair are the same, and that the answers do
// the same.
func TestQuestionsAgree(t *testing.T) {
	dir := testpool.Dir(t)
	path := filepath.Join(dir, "pool")
	must(t, "create", "log", path)
	write(t, path, 4096, 0, 24)
	content := read(t, path)
	for _, answers := range []string{"y\ny\ny\n", "\n\n\n", "n\n", "y\nn\n", "yes\nyes\nno\n"} {
		ours, theirs := filepath.Join(dir, "a"), filepath.Join(dir, "b")
		for _, to := range []string{ours, theirs} {
			duplicate(t, to, content)
		}
		code, _, _ := tool(t, answers, "check", "-rv", ours)
		wantCode, _ := original(t, answers, "check", "-rv", theirs)
		assert.Equal(t, wantCode, code, "%q", answers)
		assert.True(t, bytes.Equal(read(t, theirs), read(t, ours)), "%q", answers)
	}
}

func TestFeatureAgrees(t *testing.T) {
	steps := []string{
		"-q SINGLEHDR", "-q CKSUM_2K", "-q SHUTDOWN_STATE", "-q CHECK_BAD_BLOCKS",
		"-d CKSUM_2K", "-d SHUTDOWN_STATE", "-d SHUTDOWN_STATE", "-q SHUTDOWN_STATE", "-d CKSUM_2K", "-q CKSUM_2K",
		"-e SHUTDOWN_STATE", "-e CKSUM_2K", "-e SHUTDOWN_STATE", "-e SINGLEHDR", "-d SINGLEHDR",
		"-d CHECK_BAD_BLOCKS", "-q CHECK_BAD_BLOCKS", "-e CHECK_BAD_BLOCKS", "-q CHECK_BAD_BLOCKS", "-q CAKE", "",
	}
	dir := testpool.Dir(t)
	for name, path := range pools(t) {
		if strings.Contains(name, "size") {
			continue
		}
		content := read(t, path)
		ours, theirs := filepath.Join(dir, "a"), filepath.Join(dir, "b")
		for _, to := range []string{ours, theirs} {
			duplicate(t, to, content)
		}
		for i, step := range steps {
			args := append([]string{"feature"}, strings.Fields(step)...)
			code, out, _ := tool(t, "", append(args, ours)...)
			wantCode, want := original(t, "", append(args, theirs)...)
			assert.Equal(t, wantCode, code, "%s, step %d: %s", name, i, step)
			if strings.HasPrefix(step, "-q") && wantCode == 0 {
				assert.Equal(t, strings.TrimSpace(want), strings.TrimSpace(out), step)
			}
		}
		assert.True(t, bytes.Equal(read(t, theirs), read(t, ours)), name)
	}
}

// Ensure that sets are synchronized, transformed and removed alike.
func TestSetsAgree(t *testing.T) {
	type world struct {
		dir string
		run func(args ...string) int
	}
	worlds := []world{
		{testpool.Dir(t), func(args ...string) int { code, _, _ := tool(t, "", args...); return code }},
		{testpool.Dir(t), func(args ...string) int { code, _ := original(t, "", args...); return code }},
	}
	var codes [2][]int
	var left [2][]string
	for i, w := range worlds {
		in := func(name string) string { return filepath.Join(w.dir, name) }
		one := fmt.Sprintf("PMEMPOOLSET\n10M %s\n", in("a"))
		two := one + fmt.Sprintf("REPLICA\n10M %s\n", in("b"))
		three := two + fmt.Sprintf("REPLICA\n10M %s\n", in("c"))
		for name, text := range map[string]string{"one": one, "two": two, "three": three} {
			require.NoError(t, os.WriteFile(in(name+".set"), []byte(text), 0o600))
		}
		code, _ := original(t, "", "create", "obj", in("two.set"))
		require.Zero(t, code)
		do := func(args ...string) { codes[i] = append(codes[i], w.run(args...)) }
		do("check", in("two.set"))
		do("info", in("two.set"))
		do("sync", in("two.set"))
		write(t, in("b"), 0, 0, 4096)
		do("check", in("two.set"))
		do("check", "-ry", in("two.set"))
		do("sync", "-d", in("two.set"))
		do("check", in("two.set"))
		do("sync", "-v", in("two.set"))
		do("check", in("two.set"))
		require.NoError(t, os.Remove(in("a")))
		do("check", in("two.set"))
		do("sync", in("two.set"))
		do("check", in("two.set"))
		do("transform", "-d", in("two.set"), in("three.set"))
		do("transform", in("two.set"), in("three.set"))
		do("check", in("three.set"))
		do("transform", in("three.set"), in("three.set"))
		do("transform", in("three.set"), in("one.set"))
		do("check", in("one.set"))
		do("sync", in("one.set"))
		do("feature", "-q", "CKSUM_2K", in("one.set"))
		write(t, in("a"), 0, 0, 4096)
		do("check", in("one.set"))
		do("rm", in("none"))
		do("rm", "-f", in("none"))
		do("rm", "-fl", in("one.set"))
		entries, err := os.ReadDir(w.dir)
		require.NoError(t, err)
		for _, e := range entries {
			left[i] = append(left[i], e.Name())
		}
	}
	assert.Equal(t, codes[1], codes[0])
	assert.Equal(t, left[1], left[0])
}

// Ensure that pools of several files are the same, whoever makes them, and that
// each program checks, describes, dumps and removes those of both.
func TestCreateSetAgrees(t *testing.T) {
	options := map[string]string{
		"obj": "--layout lay", "log": "-m 640", "blk 512": "-v", "blk 4K": "-w -m 0600",
	}
	for kind, flags := range options {
		for _, single := range []string{"", "OPTION SINGLEHDR\n"} {
			label := fmt.Sprintf("create %s %s, %q", flags, kind, single)
			var infos [2][]string
			var modes [2][]os.FileMode
			for i := range infos {
				dir := testpool.Dir(t)
				set := filepath.Join(dir, "pool.set")
				parts := []string{filepath.Join(dir, "a"), filepath.Join(dir, "b")}
				text := fmt.Sprintf("PMEMPOOLSET\n%s10M %s\n9M %s\n", single, parts[0], parts[1])
				require.NoError(t, os.WriteFile(set, []byte(text), 0o600))
				args := append(append([]string{"create"}, strings.Fields(flags+" "+kind)...), set)
				if i == 0 {
					must(t, args...)
				} else {
					code, _ := original(t, "", args...)
					require.Zero(t, code, label)
				}
				for _, p := range parts {
					st, err := os.Stat(p)
					require.NoError(t, err)
					modes[i] = append(modes[i], st.Mode())
				}
				code, out := original(t, "", "info", set)
				require.Zero(t, code, label)
				infos[i] = normal(strings.ReplaceAll(out, dir, "DIR"), true)
				code, _ = original(t, "", "check", set)
				assert.Zero(t, code, label)
				must(t, "check", set)
				if kind != "obj" {
					_, want := original(t, "", "dump", "-b", "-r", "0-9", set)
					assert.Equal(t, want, must(t, "dump", "-b", "-r", "0-9", set), label)
				}
				// The other one than who made it.
				if i == 1 {
					must(t, "rm", "-a", set)
				} else {
					code, _ = original(t, "", "rm", "-a", set)
					require.Zero(t, code)
				}
				entries, err := os.ReadDir(dir)
				require.NoError(t, err)
				assert.Empty(t, entries, label)
			}
			assert.Equal(t, infos[1], infos[0], label)
			assert.Equal(t, modes[1], modes[0], label)
		}
	}
}

// Ensure that rm removes, asks and says the same, of pools made by either.
func TestRemoveAgrees(t *testing.T) {
	for _, c := range []struct{ args, answers string }{
		{"rm POOL", ""}, {"rm -v POOL", ""}, {"rm -f POOL", ""}, {"rm -fv POOL", ""},
		{"rm -i POOL", "y\n"}, {"rm -i POOL", "n\n"}, {"rm -i POOL", ""},
		{"rm -s POOL", ""}, {"rm -a POOL", ""}, {"rm -l POOL", ""},
		{"rm -v POOL NONE", ""}, {"rm NONE POOL", ""}, {"rm -fv NONE POOL", ""}, {"rm --only-pools POOL", ""},
	} {
		for name, path := range pools(t) {
			if strings.Contains(name, ",") {
				continue
			}
			content := read(t, path)
			label := fmt.Sprintf("%s, %s, answers %q", c.args, name, c.answers)
			var there [2]bool
			var outs [2]string
			var codes [2]int
			for i := range there {
				duplicate(t, path, content)
				args := strings.Fields(strings.NewReplacer("POOL", path, "NONE", path+".none").Replace(c.args))
				if i == 0 {
					codes[i], outs[i], _ = tool(t, c.answers, args...)
				} else {
					codes[i], outs[i] = original(t, c.answers, args...)
				}
				_, err := os.Stat(path)
				there[i] = err == nil
			}
			assert.Equal(t, codes[1], codes[0], label)
			assert.Equal(t, there[1], there[0], label)
			if strings.Contains(c.args, "v") {
				assert.Equal(t, outs[1], outs[0], label)
			}
		}
	}
}

func TestDumpAgrees(t *testing.T) {
	dir := testpool.Dir(t)
	log, blk := filepath.Join(dir, "log"), filepath.Join(dir, "blk")
	must(t, "create", "log", log)
	l, err := libpmemlog.Open(log)
	require.NoError(t, err)
	for i := range 100 {
		require.NoError(t, l.Append(fmt.Appendf(nil, "record %d, %s\n", i, strings.Repeat("=", i))))
	}
	// Whole chunks: of others, PMDK's program leaves out the last one.
	n, err := l.Len()
	require.NoError(t, err)
	require.NoError(t, l.Append(make([]byte, 6400-n)))
	require.NoError(t, l.Close())
	must(t, "create", "blk", "-w", "512", blk)
	for _, args := range []string{"", "-r 0-3", "-r 7", "-r 100-", "-r 5,9-11", "-b", "-b -r 10-20"} {
		for _, path := range []string{log, blk} {
			full := append(append([]string{"dump"}, strings.Fields(args)...), path)
			if path == blk && !strings.Contains(args, "-r") || args == "-r 100-" && path == blk {
				continue // megabytes
			}
			_, want := original(t, "", full...)
			assert.Equal(t, want, must(t, full...), "%v", full)
		}
	}
	for _, args := range []string{"-c 100", "-c 64 -r 1-3", "-b -c 100 -r 2"} {
		full := append(append([]string{"dump"}, strings.Fields(args)...), log)
		_, want := original(t, "", full...)
		assert.Equal(t, want, must(t, full...), "%v", full)
	}
}

// Ensure that what a command answers to arguments is the same exit code.
func TestExitCodesAgree(t *testing.T) {
	dir := testpool.Dir(t)
	path := filepath.Join(dir, "pool")
	must(t, "create", "log", path)
	for _, args := range []string{
		"", "--version", "--help", "frob", "help check", "create", "create --help", "create log", "create cake " + dir + "/x",
		"create log -s 1M " + dir + "/x", "create log -s 2MX " + dir + "/x", "create log -m 999 " + dir + "/x",
		"create log -M -s 3M " + dir + "/x", "create log -l x " + dir + "/x", "create blk " + dir + "/x",
		"create blk 0 " + dir + "/x", "create log 512 " + dir + "/x", "create log --frob " + dir + "/x", "create log " + path,
		"create obj 512 " + dir + "/x", "create log /none/x",
		"info", "info --help", "info /none", "info -f log " + path, "check", "check --help", "check /none", "check -v " + path,
		"info -r 1 " + path, "info -w 100 " + path, "info -d -w 100 " + path,
		"check -y " + path, "check -N " + path, "check -ry " + path, "check -a " + path, "check -d " + path, "check -b x " + path, "check --frob " + path,
		"rm", "rm --help", "rm /none", "sync", "sync --help", "sync " + path, "transform", "transform x", "transform --help",
		"feature", "feature " + path, "feature --help", "feature -q CAKE " + path, "dump", "dump --help", "dump /none", "dump " + path,
		"dump -c 0 " + path,
	} {
		want, _ := original(t, "", strings.Fields(args)...)
		code, _, errOut := tool(t, "", strings.Fields(args)...)
		assert.Equal(t, want, code, "pmempool %s: %s", args, errOut)
	}
}
