package libpmemblk_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemblk"
)

// The mutation test: a child damages a pool that was written to in many ways,
// and uses whatever Open lets through. Nothing may kill it, or make it hang; and
// a pool whose blocks cannot be found must not pass for an empty one. The pool
// is opened with copy-on-write, so that undoing the damage makes the file good
// for the next round.

// place is what damage aims at.
type place struct {
	name string
	off  int64
	len  int64
}

var places = []place{
	{"pool header", 0, 136},
	{"pool header", 0, 4096},
	{"block pool header", 4096, 8},
	{"info", infoAt, 120},
	{"info", infoAt, 120},
	{"info", infoAt, 4096},
	{"backup", backupAt, 120},
	{"flog", flogAt, 16384},
	{"flog", flogAt, 128},
	{"map", mapAt, 4 * written},
	{"map", mapAt, flogAt - mapAt},
	{"blocks", infoAt + 4096, written * 512},
	{"anywhere", 0, MinPool},
}

// patch is what stood somewhere before it was damaged.
type patch struct {
	off    int64
	before []byte
}

// mutant damages a file and can undo it.
type mutant struct {
	file    *os.File
	rnd     *rand.Rand
	patches []patch
	how     []string
	sealed  bool // checksums fit the damage
}

func (m *mutant) write(off int64, b []byte) error {
	b = b[:min(int64(len(b)), MinPool-off)]
	before := make([]byte, len(b))
	if _, err := m.file.ReadAt(before, off); err != nil {
		return err
	}
	m.patches = append(m.patches, patch{off, before})
	_, err := m.file.WriteAt(b, off)
	return err
}

func (m *mutant) undo() error {
	for i := len(m.patches) - 1; i >= 0; i-- {
		if _, err := m.file.WriteAt(m.patches[i].before, m.patches[i].off); err != nil {
			return err
		}
	}
	return m.file.Truncate(MinPool)
}

// number is one likely to hurt.
func (m *mutant) number() uint64 {
	switch m.rnd.IntN(8) {
	case 0:
		return 0
	case 1:
		return ^uint64(0)
	case 2:
		return m.rnd.Uint64()
	case 3:
		return 1 << m.rnd.IntN(64)
	case 4:
		return m.rnd.Uint64N(MinPool)
	case 5:
		return m.rnd.Uint64N(300)
	case 6:
		return MinPool - m.rnd.Uint64N(20000)
	}
	return uint64(m.rnd.Uint32()) | 3<<30
}

func (m *mutant) damage() error {
	p := places[m.rnd.IntN(len(places))]
	off := p.off + m.rnd.Int64N(p.len)
	var b []byte
	switch m.rnd.IntN(6) {
	case 0:
		b = make([]byte, 1)
		if _, err := m.file.ReadAt(b, off); err != nil {
			return err
		}
		b[0] ^= 1 << m.rnd.IntN(8)
	case 1:
		off &^= 3
		b = binary.LittleEndian.AppendUint32(nil, uint32(m.number()))
	case 2:
		off &^= 7
		b = binary.LittleEndian.AppendUint64(nil, m.number())
	case 3:
		off &^= 63
		b = make([]byte, 64)
	case 4:
		off &^= 4095
		b = make([]byte, 4096)
		c := byte(m.rnd.IntN(3)) - 1
		for i := range b {
			b[i] = c
		}
	case 5:
		off &^= 511
		b = make([]byte, 512)
		for i := range b {
			b[i] = byte(m.rnd.Uint32())
		}
	}
	m.how = append(m.how, fmt.Sprintf("%s: %d bytes at %#x = %x", p.name, len(b), off, b[:min(len(b), 8)]))
	return m.write(off, b)
}

// seal computes the checksums anew, so that the damage behind them counts.
func (m *mutant) seal() error {
	m.sealed = true
	b := make([]byte, 4096)
	for _, off := range []int64{0, infoAt, backupAt} {
		if _, err := m.file.ReadAt(b, off); err != nil {
			return err
		}
		sum := poolheader.Checksum(b, 4088)
		if off == 0 {
			sum = poolheader.HeaderChecksum(b)
		}
		if err := m.write(off+4088, binary.LittleEndian.AppendUint64(nil, sum)); err != nil {
			return err
		}
	}
	return nil
}

// make damages the file.
func (m *mutant) make() error {
	if m.rnd.IntN(40) == 0 {
		size := m.rnd.Int64N(MinPool)
		if err := m.write(size, make([]byte, MinPool-size)); err != nil {
			return err
		}
		m.how = append(m.how, fmt.Sprintf("cut to %d bytes", size))
		return m.file.Truncate(size)
	}
	for more := true; more; more = m.rnd.IntN(4) == 0 {
		if err := m.damage(); err != nil {
			return err
		}
	}
	if m.rnd.IntN(2) == 0 {
		return m.seal()
	}
	return nil
}

// use does everything with a pool that Open lets through.
func (m *mutant) use(path string) (string, error) {
	p, err := Open(path, WithCopyOnWrite())
	var corrupt *CorruptError
	var failed *Error
	switch {
	case errors.As(err, &corrupt):
		return "refused", nil
	case errors.As(err, &failed):
		return "refused by C", nil
	case err != nil:
		return "", err
	}
	defer p.Close()
	b := make([]byte, p.BlockSize(), max(p.BlockSize(), selfHeader))
	var wrong, empty, bad int
	for n := range min(p.Blocks(), 2*written) {
		if p.ReadBlock(n, b) != nil {
			bad++
			continue
		}
		version := 0
		if p.BlockSize() >= selfHeader {
			if version, err = versionOf(b, n); err != nil {
				wrong++
				continue
			}
		}
		if version == 0 && n < written {
			empty++
		}
	}
	// 130 entries of the map are the most that one damage covers.
	if !m.sealed && len(m.how) == 1 && (empty > 130 || bad > 130) && !strings.HasPrefix(m.how[0], "map: 4096") {
		return "", fmt.Errorf("of %d blocks %d are empty and %d bad", written, empty, bad)
	}
	for n := range min(p.Blocks(), 2*written) {
		fillBlock(b[:cap(b)], n, 9)
		_ = p.WriteBlock(n, b)
		_ = p.ReadBlock(p.Blocks()-1-n, b)
	}
	_, _ = p.WriteAt(make([]byte, 3000), 100)
	_ = p.SetZero(p.Blocks() - 1)
	_ = p.SetError(p.Blocks() / 2)
	if wrong > 0 {
		return "used, with wrong content", nil
	}
	return "used", nil
}

func init() {
	testchild.Register("mutants", func(args []string) error {
		path := args[0]
		seed, err := strconv.ParseUint(args[1], 10, 64)
		if err != nil {
			return err
		}
		count, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		for i := range count {
			m := &mutant{file: f, rnd: rand.New(rand.NewPCG(seed, uint64(i)))}
			if err := m.make(); err != nil {
				return err
			}
			fmt.Printf("%d\t%s\n", i, strings.Join(m.how, "; "))
			what, err := m.use(path)
			if err == nil && i%4 == 0 {
				// Check has no copy-on-write, and needs none.
				var corrupt *CorruptError
				if checked := Check(path); what == "refused" && !errors.As(checked, &corrupt) {
					err = fmt.Errorf("refused by Open, but not by Check: %v", checked)
				}
			}
			if err != nil {
				return fmt.Errorf("mutant %d, %v: %w", i, m.how, err)
			}
			fmt.Printf("\t%s\n", what)
			if err := m.undo(); err != nil {
				return err
			}
		}
		return nil
	})
}

// Ensure that no damage to a pool's file kills the process, and that damage
// which hides the blocks is refused.
func TestMutants(t *testing.T) {
	t.Parallel()
	count := 1000
	if testing.Short() {
		count = 200
	}
	path := writtenPool(t)
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	seed := newRand(t).Uint64()
	c := testchild.Start(t, "mutants", path, strconv.FormatUint(seed, 10), strconv.Itoa(count))
	outcomes := map[string]int{}
	last := ""
	for line := range c.Lines() {
		nth, what, _ := strings.Cut(line, "\t")
		if nth != "" {
			last = line
			continue
		}
		outcomes[what]++
	}
	require.NoError(t, c.End(), "seed %d, %s: %s", seed, last, c.Stderr())
	t.Log(outcomes)
	require.NotZero(t, outcomes["refused"])
	require.NotZero(t, outcomes["used"])
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, string(want) == string(got), "the damage was not undone")
}

// FuzzOpen hands headers of any content to Open. The corpus has those of a
// sound pool.
func FuzzOpen(f *testing.F) {
	dir := testpool.Dir(f)
	path := filepath.Join(dir, "pool")
	p, err := Create(path, 512, WithSize(MinPool))
	require.NoError(f, err)
	require.NoError(f, p.WriteBlock(1, block(512, 1, 1)))
	require.NoError(f, p.Close())
	whole, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(whole[:4096], whole[4096:4104], whole[infoAt:infoAt+4096])
	f.Add([]byte{}, []byte{}, []byte{})
	f.Add(whole[:4096], []byte{0, 0, 0, 0}, whole[infoAt:infoAt+4096])
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, file.Close()) })
	f.Fuzz(func(t *testing.T, header, descriptor, info []byte) {
		for off, b := range map[int64][]byte{0: header, 4096: descriptor, infoAt: info} {
			page := make([]byte, 4096)
			copy(page, b)
			_, err := file.WriteAt(page, off)
			require.NoError(t, err)
		}
		p, err := Open(path, WithCopyOnWrite())
		if err != nil {
			return
		}
		defer func() { require.NoError(t, p.Close()) }()
		b := make([]byte, p.BlockSize())
		_ = p.ReadBlock(0, b)
		_ = p.WriteBlock(p.Blocks()-1, b)
		_, _ = io.Copy(io.Discard, io.NewSectionReader(p, 0, 100_000))
	})
}
