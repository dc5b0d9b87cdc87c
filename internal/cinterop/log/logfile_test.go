package log_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/cinterop/cprogram"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemlog"
)

func TestMain(m *testing.M) { cprogram.Main(m) }

// The example's programs: addlog appends lines to a log, printlog prints it,
// and with -t empties it afterwards.
var (
	addlog   = newProgram("addlog")
	printlog = newProgram("printlog")
)

func newProgram(name string) *cprogram.Program {
	return cprogram.New("libpmemlog", name, "logfile/"+name+".c", "")
}

// entry is what the program addlog appends: a struct logentry and as many
// bytes of text, padded with zeros.
type entry struct {
	Len     uint64 // a size_t, a time_t and a pid_t, 24 bytes as the compiler lays them out
	Created int64
	PID     uint32
	Text    string
}

const headerSize = 24

// put appends an entry as addlog does.
func (e entry) put(t *testing.T, l *libpmemlog.Log) {
	t.Helper()
	le := binary.LittleEndian
	text := append([]byte(e.Text), 0)
	text = append(text, make([]byte, -len(text)&7)...)
	header := le.AppendUint64(nil, uint64(len(text)))
	header = le.AppendUint64(header, uint64(e.Created))
	header = le.AppendUint64(header, uint64(e.PID))
	require.NoError(t, l.Appendv([][]byte{header, text}))
}

// entries reads all that a log holds.
func entries(t *testing.T, l *libpmemlog.Log) (all []entry) {
	t.Helper()
	le := binary.LittleEndian
	require.NoError(t, l.Walk(0, func(b []byte) bool {
		for len(b) > 0 {
			require.Greater(t, len(b), headerSize)
			e := entry{Len: le.Uint64(b), Created: int64(le.Uint64(b[8:])), PID: le.Uint32(b[16:])}
			require.LessOrEqual(t, headerSize+e.Len, uint64(len(b)))
			text, rest := b[headerSize:headerSize+e.Len], b[headerSize+e.Len:]
			e.Text = strings.TrimRight(string(text), "\x00")
			all = append(all, e)
			b = rest
		}
		return true
	}))
	return all
}

// printed is an entry as printlog prints it.
func (e entry) printed() string {
	return fmt.Sprintf("Entry from pid: %d\n       Created: %s\n      Contents:\n%s", e.PID, time.Unix(e.Created, 0).UTC().Format(time.ANSIC), e.Text)
}

// Ensure that a log which PMDK's tool has made is appended to by C and by Go,
// and read by both.
func TestLogfile(t *testing.T) {
	addlog.Needed(t)
	path := filepath.Join(testpool.Dir(t), "log")
	made := map[string]func(){
		"by pmempool": func() { pmempool(t, "create", "log", path) },
		"by addlog": func() {
			// An empty file that has its size is what it makes a log of.
			f, err := os.Create(path)
			require.NoError(t, err)
			require.NoError(t, f.Truncate(libpmemlog.MinPool))
			require.NoError(t, f.Close())
		},
		"by Go": func() {
			l, err := libpmemlog.Create(path, libpmemlog.WithDurability(libpmemlog.DurabilityProcessCrash))
			require.NoError(t, err)
			require.NoError(t, l.Close())
		},
	}
	for name, create := range made {
		t.Run(name, func(t *testing.T) {
			create()
			defer os.Remove(path)
			first := addlog.Command(t, path, "first line", "second line")
			require.Empty(t, cprogram.Output(t, first))

			l := open(t, path)
			all := entries(t, l)
			require.Len(t, all, 1)
			assert.EqualValues(t, first.Process.Pid, all[0].PID)
			assert.InDelta(t, time.Now().Unix(), all[0].Created, 60)
			assert.Equal(t, "first line\nsecond line\n", all[0].Text)
			ours := entry{PID: 12345, Created: 1_000_000_000, Text: "from Go\n"}
			ours.put(t, l)
			require.NoError(t, l.Close())

			require.Empty(t, addlog.Run(t, path, "last"))
			pmempool(t, "check", path)
			l = open(t, path)
			all = entries(t, l)
			require.NoError(t, l.Close())
			require.Len(t, all, 3)
			assert.Equal(t, ours.Text, all[1].Text)

			want := all[0].printed() + ours.printed() + all[2].printed()
			assert.Equal(t, want, printlog.Run(t, path))
			assert.Equal(t, want, printlog.Run(t, "-t", path))

			l = open(t, path)
			assert.Empty(t, entries(t, l), "printlog -t rewinds")
			ours.put(t, l)
			require.NoError(t, l.Rewind())
			require.NoError(t, l.Close())
			assert.Empty(t, printlog.Run(t, path))
		})
	}
}

func open(t *testing.T, path string) *libpmemlog.Log {
	t.Helper()
	l, err := libpmemlog.Open(path, libpmemlog.WithDurability(libpmemlog.DurabilityProcessCrash))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// pmempool runs PMDK's tool.
func pmempool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("pmempool")
	if err != nil {
		t.Skipf("PMDK's tool pmempool, which comes with Debian's pmdk-tools, is not installed: %v", err)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	require.NoError(t, err, "pmempool %q: %s", args, out)
	require.Empty(t, out)
}
