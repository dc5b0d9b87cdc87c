package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemblk"
	"github.com/pmem/pmdk-go/libpmemlog"
)

func TestMain(m *testing.M) {
	testchild.Main()
	os.Setenv("PMEM_IS_PMEM_FORCE", "1") // nothing here is about power loss
	os.Exit(m.Run())
}

// tool runs this program.
func tool(t *testing.T, stdin string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, console{strings.NewReader(stdin), &o, &e})
	return code, o.String(), e.String()
}

// must runs this program, which must succeed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errOut := tool(t, "", args...)
	require.Zero(t, code, "pmempool %v: %s%s", args, out, errOut)
	return out
}

// original runs PMDK's program.
func original(t *testing.T, stdin string, args ...string) (code int, out string) {
	t.Helper()
	program, err := exec.LookPath("pmempool")
	if err != nil {
		t.Skip("pmempool, of package pmdk-tools, is not installed:", err)
	}
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var o bytes.Buffer
	cmd.Stdout = &o
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), o.String()
}

func write(t *testing.T, path string, off int64, b byte, n int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{b}, n), off)
	require.NoError(t, errors.Join(err, f.Close()))
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

func TestHelp(t *testing.T) {
	code, out, _ := tool(t, "")
	assert.Zero(t, code)
	assert.Contains(t, out, "usage: pmempool")
	for _, args := range [][]string{{"--help"}, {"-h"}, {"help"}} {
		out := must(t, args...)
		for _, cmd := range commands {
			assert.Contains(t, out, cmd.about)
		}
	}
	for _, cmd := range commands {
		for _, args := range [][]string{{cmd.name, "--help"}, {cmd.name, "-h"}, {"help", cmd.name}} {
			out := must(t, args...)
			assert.Contains(t, out, "usage: pmempool "+cmd.name)
			assert.Contains(t, out, "--help")
		}
	}
	assert.Contains(t, must(t, "--version"), "libpmempool 1.3")
}

// Ensure that mistakes are answered with what to do, and exit code 1.
func TestMistakes(t *testing.T) {
	dir := testpool.Dir(t)
	path := filepath.Join(dir, "pool")
	must(t, "create", "log", path)
	obj := filepath.Join(dir, "obj")
	must(t, "create", "obj", obj)
	for args, want := range map[string]string{
		"frobnicate":                       "is no command",
		"create":                           "usage: pmempool create",
		"create log":                       "usage: pmempool create",
		"create cake x":                    "no type of pool",
		"create log -s 1M x":               "size must be >= 2097152",
		"create log -s 3MX x":              "unknown unit",
		"create log -s M x":                "whole number",
		"create log -s 99999999T x":        "more than a file can have",
		"create log -M -s 3M x":            "exclude each other",
		"create log -m 999 x":              "octal",
		"create log -l lay x":              "--layout is for obj pools",
		"create log -w x":                  "--write-layout is for blk pools",
		"create log 512 x":                 "a block size is for blk pools",
		"create blk x":                     "needs a block size",
		"create blk 0 x":                   "block size",
		"create log -b x":                  "not supported",
		"create -i /none x":                "no such file",
		"create log " + path:               "--force removes it first",
		"create log /none/x":               "no such file",
		"create log --frob x":              "unknown flag",
		"info":                             "usage",
		"info /none":                       "no such file",
		"info -f cake x":                   "none of log, blk, obj",
		"check":                            "usage",
		"check a b":                        "one file at a time",
		"check /none":                      "no such file",
		"check -a " + path:                 "--advanced needs --repair",
		"check -y " + path:                 "--yes needs --repair",
		"check -b x " + path:               "--backup needs --repair",
		"info -r 1 " + path:                "--range needs --data",
		"info -d -w x " + path:             "a number of bytes",
		"check -r -b " + path + " " + path: "file exists",
		"rm":                               "usage",
		"rm /none":                         "no such file",
		"rm -r " + path:                    "not supported",
		"sync":                             "usage",
		"sync " + path:                     "not a pool set file",
		"transform x":                      "usage",
		"transform " + path + " " + path:   "not a pool set file",
		"feature " + path:                  "usage",
		"feature -q CAKE " + path:          "none of SINGLEHDR",
		"feature -q CKSUM_2K -e CKSUM_2K " + path: "usage",
		"feature -e SINGLEHDR " + path:            "Transform",
		"dump":                                    "usage",
		"dump -c 0 " + path:                       "a number of bytes",
		"dump -r x " + path:                       "numbers and ranges",
		"dump " + obj:                             "only log and blk pools",
		"dump /none":                              "no such file",
		"list":                                    "usage",
		"list a b":                                "usage",
		"list /none":                              "no such file",
		"list " + path:                            "not a pmemobj pool: a pmemlog pool",
	} {
		code, _, errOut := tool(t, "", strings.Fields(args)...)
		assert.Equal(t, 1, code, args)
		assert.Contains(t, errOut, want, args)
	}
	assert.NoFileExists(t, "x")
}

func TestRepairByQuestions(t *testing.T) {
	path := filepath.Join(testpool.Dir(t), "log")
	must(t, "create", "log", path)
	write(t, path, 4096, 0, 24)
	code, out, errOut := tool(t, "", "check", path)
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "log: not consistent")
	assert.Contains(t, errOut, "--repair --backup COPY")

	code, out, _ = tool(t, "maybe\nno\n", "check", "-r", path)
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "Answer must be either yes or no")

	code, out, _ = tool(t, "", "check", "-rdy", path)
	assert.Zero(t, code)
	assert.Contains(t, out, "caution: the log's end was lost")

	code, out, _ = tool(t, "y\n\nYES\n", "check", "-rv", "-b", path+".old", path)
	assert.Zero(t, code, out)
	assert.Contains(t, out, "log: repaired")
	assert.Contains(t, out, "caution: the log's end was lost")
	assert.FileExists(t, path+".old")
	code, out, _ = tool(t, "", "check", "-q", path)
	assert.Zero(t, code)
	assert.Empty(t, out)

	write(t, path, 4088, 0xaa, 8)
	code, _, errOut = tool(t, "", "check", "-ry", path)
	assert.Equal(t, 1, code)
	assert.Contains(t, errOut, "--advanced would repair more")
	obj := path + ".obj"
	must(t, "create", "obj", obj)
	write(t, obj, 40, 0xaa, 4)
	code, _, errOut = tool(t, "", "check", "-ry", obj)
	assert.Equal(t, 1, code)
	assert.Contains(t, errOut, "repair is not supported: PMDK cannot repair obj pools; restore")
}

func TestRemove(t *testing.T) {
	dir := testpool.Dir(t)
	path := filepath.Join(dir, "log")
	must(t, "create", "log", path)
	assert.Equal(t, "would remove '"+path+"'\n", must(t, "rm", "-n", path))
	_, out, _ := tool(t, "n\n", "rm", "-i", path)
	assert.Contains(t, out, "remove "+path)
	assert.FileExists(t, path)
	assert.Equal(t, "removed '"+path+"'\n", must(t, "rm", "-v", path))
	assert.NoFileExists(t, path)
	must(t, "rm", "-f", path)
}

func TestDump(t *testing.T) {
	dir := testpool.Dir(t)
	path := filepath.Join(dir, "log")
	must(t, "create", "log", path)
	l, err := libpmemlog.Open(path)
	require.NoError(t, err)
	text := strings.Repeat("0123456789abcdef", 4) + "the end"
	require.NoError(t, l.Append([]byte(text)))
	require.NoError(t, l.Close())
	assert.Equal(t, text, must(t, "dump", "-b", path))
	assert.Equal(t, text[:4]+text[10:21], must(t, "dump", "-b", "-r", "-3,10-20", path))
	assert.Equal(t, text[60:], must(t, "dump", "-b", "-c", "10", "-r", "6-", path))
	assert.Equal(t, "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n*\n"+
		"00000040  74 68 65 20 65 6e 64                              |the end         |\n", must(t, "dump", path))
	file := filepath.Join(dir, "out")
	must(t, "dump", "-b", "-o", file, path)
	must(t, "dump", "-b", "-o", file, path)
	assert.Equal(t, text+text, string(read(t, file)))

	blk := filepath.Join(dir, "blk")
	must(t, "create", "blk", "512", blk)
	p, err := libpmemblk.Open(blk)
	require.NoError(t, err)
	require.NoError(t, p.WriteBlock(3, bytes.Repeat([]byte("x"), 512)))
	require.NoError(t, p.Close())
	before := read(t, blk)
	assert.Equal(t, strings.Repeat("\x00", 512)+strings.Repeat("x", 512), must(t, "dump", "-b", "-r", "2-3", blk))
	assert.Equal(t, before, read(t, blk))
}

func TestSizes(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "7": 7, "7B": 7, "2K": 2048, "2KiB": 2048, "2kB": 2000, "3M": 3 << 20, "3MB": 3e6, "1GiB": 1 << 30, "1PB": 1e15} {
		n, err := parseSize(s)
		require.NoError(t, err, s)
		assert.Equal(t, want, n, s)
	}
	for _, s := range []string{"", "-1", "1.5M", "2kiB", "2m", "2KB", "M", "0x10", "10000P", "1MM"} {
		_, err := parseSize(s)
		assert.Error(t, err, s)
	}
	assert.Equal(t, "2.0M", human(2<<20))
	assert.Equal(t, "1023", human(1023))
}

func TestRanges(t *testing.T) {
	for s, want := range map[string][]span{
		"": {{0, 99}}, "7": {{7, 7}}, "10-20": {{10, 20}}, "-5": {{0, 5}}, "90-": {{90, 99}},
		"1,3-4": {{1, 1}, {3, 4}}, "50-500": {{50, 99}}, "200": nil, "20-10": {{10, 20}}, "1K-2K": nil,
	} {
		got, err := parseRanges(s, 100)
		require.NoError(t, err, s)
		assert.Equal(t, want, got, s)
	}
	for _, s := range []string{"x", "1,", "-", "1-2-3", "1--2"} {
		_, err := parseRanges(s, 100)
		assert.Error(t, err, s)
	}
}

func TestInfo(t *testing.T) {
	dir := testpool.Dir(t)
	path := filepath.Join(dir, "log")
	must(t, "create", "log", path)
	l, err := libpmemlog.Open(path)
	require.NoError(t, err)
	require.NoError(t, l.Append([]byte("hello, world")))
	require.NoError(t, l.Close())
	out := must(t, "info", "-n", "-d", "-r", "7-", path)
	assert.Contains(t, out, "size                     : 2.0M\n")
	assert.Contains(t, out, "00000007  77 6f 72 6c 64 ")

	write(t, path, 4112, 0xff, 8)
	code, out, errOut := tool(t, "", "info", path)
	assert.Zero(t, code)
	assert.Contains(t, out, "Write offset             : 0xffffffffffffffff [wrong!]")
	assert.Contains(t, errOut, "damaged: "+path+": log header at offset 4112")
	write(t, path, 0, 0, 4096)
	code, _, errOut = tool(t, "", "info", path)
	assert.Equal(t, 1, code)
	assert.Contains(t, errOut, "unknown pool type; --force reads it as one")
	assert.Contains(t, must(t, "info", "-f", "log", path), "End offset               : 0x200000")
}

// Ensure that pools of several files are created, and that there is a reason
// where they aren't.
func TestCreateSet(t *testing.T) {
	dir := testpool.Dir(t)
	set := filepath.Join(dir, "pool.set")
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	require.NoError(t, os.WriteFile(set, []byte("PMEMPOOLSET\n10M "+a+"\nREPLICA\n10M "+b+"\n"), 0o600))
	for args, want := range map[string]string{
		"log": "line 3: PMDK has no replicas of logs", "blk 512": "a pool has at least 16785408",
		"obj -s 20M": "says itself how large the pool is", "log -M": "says itself how large the pool is",
	} {
		code, _, errOut := tool(t, "", append(append([]string{"create"}, strings.Fields(args)...), set)...)
		assert.Equal(t, 1, code)
		assert.Contains(t, errOut, want)
		assert.NoFileExists(t, a)
	}
	must(t, "create", "obj", "-l", "lay", set)
	must(t, "check", set)
	assert.Contains(t, must(t, "info", set), "Number of replicas       : 2")
	code, _, errOut := tool(t, "", "create", "obj", set)
	assert.Equal(t, 1, code)
	assert.Contains(t, errOut, a+" exists")
	must(t, "rm", "-a", set)
	assert.NoFileExists(t, set)
}

// Ensure that the content of logs and blocks in several files is dumped, and
// that the files stay as they are.
func TestDumpSet(t *testing.T) {
	dir := testpool.Dir(t)
	set := filepath.Join(dir, "pool.set")
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	require.NoError(t, os.WriteFile(set, []byte("PMEMPOOLSET\n10M "+a+"\n10M "+b+"\n"), 0o600))
	must(t, "create", "log", set)
	l, err := libpmemlog.Open(set)
	require.NoError(t, err)
	text := strings.Repeat("0123456789abcdef", 700_000) // more than a part holds
	require.NoError(t, l.Append([]byte(text)))
	require.NoError(t, l.Close())
	before := [][]byte{read(t, a), read(t, b)}
	assert.True(t, text == must(t, "dump", "-b", set))
	assert.Equal(t, text[len(text)-20:], must(t, "dump", "-b", "-r", "11199980-", set))
	assert.Contains(t, must(t, "info", "-d", "-r", "11199984-", set), "30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66")
	assert.True(t, bytes.Equal(before[0], read(t, a)) && bytes.Equal(before[1], read(t, b)))

	must(t, "create", "-f", "-w", "blk", "4096", set)
	p, err := libpmemblk.Open(set)
	require.NoError(t, err)
	last := p.Blocks() - 1
	require.NoError(t, p.WriteBlock(last, bytes.Repeat([]byte("x"), 4096)))
	require.NoError(t, p.Close())
	before = [][]byte{read(t, a), read(t, b)}
	assert.Equal(t, strings.Repeat("\x00", 4096)+strings.Repeat("x", 4096), must(t, "dump", "-b", "-r", fmt.Sprintf("%d-", last-1), set))
	assert.True(t, bytes.Equal(before[0], read(t, a)) && bytes.Equal(before[1], read(t, b)))
}

// Ensure that a pool like another one is one.
func TestInherit(t *testing.T) {
	dir := testpool.Dir(t)
	for name, args := range map[string][]string{"log": {"-s", "3M", "log"}, "blk": {"blk", "512"}, "obj": {"obj", "-l", "lay"}} {
		first, second := filepath.Join(dir, name), filepath.Join(dir, name+"2")
		must(t, append(append([]string{"create", "-m", "0600"}, args...), first)...)
		must(t, "create", "-i", first, second)
		drop := func(s string) []string { return normal(s, true) }
		assert.Equal(t, drop(must(t, "info", first)), drop(must(t, "info", second)))
	}
	path := filepath.Join(dir, "log")
	must(t, "create", "-f", "-v", "-m", "640", "log", path)
	st, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), st.Mode())
	assert.EqualValues(t, 2<<20, st.Size())
}
