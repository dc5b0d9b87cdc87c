package blk_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/cinterop/cprogram"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemblk"
)

// The example's programs: load fills a new pool with the assets named in a
// file, checkout and checkin lend one and take it back, list prints all.
var (
	load     = newProgram("asset_load")
	checkout = newProgram("asset_checkout")
	checkin  = newProgram("asset_checkin")
	list     = newProgram("asset_list")
)

func newProgram(name string) *cprogram.Program {
	return cprogram.New("libpmemblk", name, "assetdb/"+name+".c", "")
}

func TestMain(m *testing.M) { cprogram.Main(m) }

// asset is struct asset, which fills a block.
type asset struct {
	Name  [256]byte
	User  [64]byte
	Time  int64
	State int32
	_     int32
}

const (
	free       = 1
	checkedOut = 2
	assetSize  = 336
)

func text(b []byte) string { return string(b[:bytes.IndexByte(b, 0)]) }

func readAsset(t *testing.T, p *libpmemblk.Pool, n int64) *asset {
	t.Helper()
	b := make([]byte, assetSize)
	require.NoError(t, p.ReadBlock(n, b))
	a := new(asset)
	_, err := binary.Decode(b, binary.LittleEndian, a)
	require.NoError(t, err)
	return a
}

func writeAsset(t *testing.T, p *libpmemblk.Pool, n int64, a *asset) {
	t.Helper()
	b, err := binary.Append(nil, binary.LittleEndian, a)
	require.NoError(t, err)
	require.NoError(t, p.WriteBlock(n, b))
}

// newAsset is a free one.
func newAsset(name string) *asset {
	a := &asset{State: free}
	copy(a.Name[:], name)
	return a
}

// printed is what list prints of an asset.
func printed(n int, a *asset) string {
	s := fmt.Sprintf("Asset ID: %d\n", n)
	if a.State == free {
		s += "   State: Free\n"
	} else {
		s += fmt.Sprintf("   State: Checked out\n    User: %s\n    Time: %s\n", text(a.User[:]), time.Unix(a.Time, 0).UTC().Format(time.ANSIC))
	}
	return s + fmt.Sprintf("    Name: %s\n", text(a.Name[:]))
}

func openPool(t *testing.T, path string) *libpmemblk.Pool {
	t.Helper()
	require.NoError(t, libpmemblk.Check(path))
	p, err := libpmemblk.Open(path, libpmemblk.WithBlockSize(assetSize), libpmemblk.WithDurability(libpmemblk.DurabilityProcessCrash))
	require.NoError(t, err)
	closeAtEnd(t, p)
	return p
}

func closeAtEnd(t *testing.T, p *libpmemblk.Pool) {
	t.Cleanup(func() {
		require.NoError(t, p.Close())
		require.NoError(t, libpmemblk.Check(p.Path()))
		require.NoError(t, testpool.PmempoolCheck(t, p.Path()))
	})
}

// requireSame ensures that C prints what Go reads: n assets.
func requireSame(t *testing.T, path string, n int) {
	t.Helper()
	p := openPool(t, path)
	var want strings.Builder
	for i := range n {
		want.WriteString(printed(i, readAsset(t, p, int64(i))))
	}
	require.NoError(t, p.Close())
	require.Equal(t, want.String(), list.Run(t, path))
}

// Ensure that Go reads and changes what C has loaded, that C sees these
// changes, and that Go sees C's.
func TestAssetsOfC(t *testing.T) {
	load.Needed(t)
	dir := testpool.Dir(t)
	path, names := filepath.Join(dir, "assetdb"), filepath.Join(dir, "names")
	const n = 1000
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "asset number %d\n", i)
	}
	require.NoError(t, os.WriteFile(names, []byte(b.String()), 0o600))
	// The program wants a file that exists.
	require.NoError(t, os.WriteFile(path, make([]byte, libpmemblk.MinPool), 0o600))
	require.Empty(t, load.Run(t, path, names))
	require.Empty(t, checkout.Run(t, path, "3", "alice"))

	p := openPool(t, path)
	require.Equal(t, libpmemblk.Capacity(libpmemblk.MinPool, assetSize), p.Blocks())
	for i := range n {
		a := readAsset(t, p, int64(i))
		require.Equal(t, fmt.Sprintf("asset number %d\n", i), text(a.Name[:]))
		if i == 3 {
			require.EqualValues(t, checkedOut, a.State)
			require.Equal(t, "alice", text(a.User[:]))
			require.InDelta(t, time.Now().Unix(), a.Time, 600)
			continue
		}
		require.EqualValues(t, free, a.State)
	}
	a := readAsset(t, p, 5)
	a.State, a.Time = checkedOut, 1_000_000_000
	copy(a.User[:], "gopher")
	writeAsset(t, p, 5, a)
	writeAsset(t, p, n, newAsset("added by Go"))
	require.Contains(t, checkin.Fail(t, path, "3"), "pmemblk_open", "the pool is open here")
	require.NoError(t, p.Close())

	requireSame(t, path, n+1)
	require.Contains(t, checkout.Fail(t, path, "5", "bob"), "already checked out")
	require.Empty(t, checkin.Run(t, path, "5"))
	require.Empty(t, checkin.Run(t, path, "3"))
	require.Empty(t, checkout.Run(t, path, strconv.Itoa(n), "carol"))
	requireSame(t, path, n+1)
	p = openPool(t, path)
	require.EqualValues(t, free, readAsset(t, p, 5).State)
	require.Equal(t, "carol", text(readAsset(t, p, n).User[:]))
}

// Ensure that C lists, lends and takes back what Go alone has made, bad and
// zeroed blocks included.
func TestAssetsOfGo(t *testing.T) {
	list.Needed(t)
	path := testpool.Path(t)
	p, err := libpmemblk.Create(path, assetSize, libpmemblk.WithSize(libpmemblk.MinPool), libpmemblk.WithDurability(libpmemblk.DurabilityProcessCrash))
	require.NoError(t, err)
	closeAtEnd(t, p)
	require.NoError(t, p.Close())
	require.Empty(t, list.Run(t, path), "a pool that nobody has written to")

	const n = 20
	p = openPool(t, path)
	for i := range n {
		writeAsset(t, p, int64(i), newAsset(fmt.Sprint("of Go ", i)))
	}
	require.NoError(t, p.Close())
	requireSame(t, path, n)
	require.Empty(t, checkout.Run(t, path, "7", "dave"))
	require.Empty(t, checkout.Run(t, path, "8", "erin"))
	require.Empty(t, checkin.Run(t, path, "7"))
	requireSame(t, path, n)

	p = openPool(t, path)
	require.Equal(t, "erin", text(readAsset(t, p, 8).User[:]))
	require.NoError(t, p.SetZero(n-1))
	require.NoError(t, p.SetError(n-2))
	require.NoError(t, p.Close())
	require.Contains(t, checkout.Fail(t, path, strconv.Itoa(n-1), "frank"), "not found")
	require.Contains(t, checkout.Fail(t, path, strconv.Itoa(n-2), "frank"), "Input/output error")
	require.Contains(t, list.Fail(t, path), "Input/output error")
}

// Ensure that pools that pmempool makes are Go's too, with a layout and
// without, and that pmempool reads what Go has written.
func TestPmempool(t *testing.T) {
	pmempool, err := exec.LookPath("pmempool")
	if err != nil {
		t.Skip("pmempool, of package pmdk-tools, is not installed:", err)
	}
	for _, layout := range []string{"", "-w"} {
		path := testpool.Path(t)
		args := append(strings.Fields("create "+layout+" blk 336 -s 17M"), path)
		out, err := exec.Command(pmempool, args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		p := openPool(t, path)
		writeAsset(t, p, 2, newAsset("gopher"))
		require.NoError(t, p.Close())
		out, err = exec.Command(pmempool, "dump", "-b", "-r", "2", path).CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Equal(t, "gopher", text(out))
		require.Len(t, out, assetSize)
		p = openPool(t, path)
		require.Equal(t, newAsset("gopher"), readAsset(t, p, 2))
		require.NoError(t, p.Close())
	}
}
