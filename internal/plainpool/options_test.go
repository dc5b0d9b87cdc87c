package plainpool

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolsource"
)

func TestOptions(t *testing.T) {
	kind := poolsource.Kind{MinPool: 2 << 20, Noun: "log"}
	for want, change := range map[string]func(o *Options) (path string){
		"":                                  func(*Options) string { return "x" },
		"a log's file has at least 2097152": func(o *Options) string { o.Size, o.SizeSet = 100, true; return "x" },
		"only permission bits":              func(o *Options) string { o.Mode = fs.ModeSetuid; return "x" },
		"not a durability":                  func(o *Options) string { o.Durability = cgoutil.DurabilityNone; return "x" },
		"path":                              func(o *Options) string { return "a\x00b" },
	} {
		o := Defaults(1 << 20)
		path := change(&o)
		err := o.Check("open", path, kind)
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, unix.EINVAL)
		require.ErrorContains(t, err, want)
	}
}

// Ensure that options are refused by the calls that have no use for them.
func TestRefused(t *testing.T) {
	no := false
	for option, o := range map[string]Options{
		"WithSize":          {SizeSet: true},
		"WithMode":          {ModeSet: true},
		"WithShutdownState": {ShutdownState: &no},
	} {
		require.NoError(t, o.ForCreate("create", "x"))
		require.ErrorContains(t, o.ForOpen("open", "x"), "open x: option "+option+" has no meaning here")
	}
	o := Options{CopyOnWrite: true}
	require.NoError(t, o.ForOpen("open", "x"))
	require.ErrorContains(t, o.ForCreate("create", "x"), "option WithCopyOnWrite has no meaning here")
}

// Ensure that settings which no option concerns stay as they are.
func TestSettings(t *testing.T) {
	o := Defaults(1)
	s := o.settings()
	require.EqualValues(t, -1, s.c.prefault)
	require.EqualValues(t, -1, s.c.copy_on_write)
	require.EqualValues(t, -1, s.c.shutdown_state)
	require.Zero(t, s.c.mode)

	no := false
	o = Options{Prefault: true, CopyOnWrite: true, ShutdownState: &no}
	s = o.settings().withMode(0o640)
	require.EqualValues(t, 1, s.c.prefault)
	require.EqualValues(t, 1, s.c.copy_on_write)
	require.EqualValues(t, 0, s.c.shutdown_state)
	require.EqualValues(t, 0o640, s.c.mode)
}

// Ensure that a pool is durable as far as its files are, unless C says that it
// has become private.
func TestCallDurability(t *testing.T) {
	c := Call{durability: cgoutil.DurabilityMsync}
	c.Settings.c.copy_on_write = unchanged
	require.Equal(t, cgoutil.DurabilityMsync, c.Durability())
	c.Settings.c.copy_on_write = 0
	require.Equal(t, cgoutil.DurabilityMsync, c.Durability())
	c.Settings.c.copy_on_write = 1
	require.Equal(t, cgoutil.DurabilityNone, c.Durability())
}

// Ensure that no other name reaches C than those that it knows.
func TestCtl(t *testing.T) {
	var called []string
	var ctl Ctl = func(node []byte, what int, value *int32, st *cgoutil.Status) int {
		called = append(called, strings.TrimSuffix(string(node), "\x00"))
		*value = 1
		return 0
	}
	for _, node := range ctlNodes {
		on, err := ctl.Get(node)
		require.NoError(t, err)
		require.True(t, on)
		require.NoError(t, ctl.Set(node, true))
		require.NoError(t, ctl.Exec(node))
	}
	require.Len(t, called, 3*len(ctlNodes))
	for _, node := range []string{"", "prefault", "sds.at_create\x00", "SDS.AT_CREATE"} {
		require.ErrorIs(t, ctl.Set(node, true), unix.ENOENT)
		require.ErrorContains(t, ctl.Exec(node), "there are prefault.at_create, ")
	}
	require.Len(t, called, 3*len(ctlNodes))
}
