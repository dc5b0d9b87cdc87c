package explore

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// The model is what a file may hold after a crash, written down again in the
// slowest way: the history of each unit, and for each thread what it flushed.
type model struct {
	tr      *trace.Trace
	unit    int
	history [][][]byte            // of each unit: contents, the oldest first
	batch   []int                 // of each unit: when the newest was begun
	durable []int                 // of each unit: the oldest that is possible
	flushed map[int32]map[int]int // by thread and unit: index in history
	acks    map[int32]int64
	last    int64
	paused  int
	whole   bool
	images  map[string]bool
	runs    int
	store   bool
}

func legal(tr *trace.Trace, whole bool) map[string]bool {
	m := &model{tr: tr, unit: trace.Line, flushed: map[int32]map[int]int{}, acks: map[int32]int64{}, whole: whole, images: map[string]bool{}}
	if tr.Pages {
		m.unit = trace.Page
	}
	for off := 0; off < len(tr.Base); off += m.unit {
		m.history = append(m.history, [][]byte{tr.Base[off:min(off+m.unit, len(tr.Base))]})
		m.batch = append(m.batch, -1)
		m.durable = append(m.durable, 0)
	}
	for _, e := range tr.Events {
		if e.Kind == trace.Fence || e.Kind == trace.Sync {
			m.crash(true)
		}
		m.step(e)
		if e.Kind == trace.Mark {
			m.crash(false)
		}
	}
	m.crash(false)
	return m.images
}

func (m *model) step(e trace.Event) {
	if e.Kind == trace.Store && !m.store {
		m.runs++
	}
	m.store = e.Kind == trace.Store
	switch e.Kind {
	case trace.Store:
		u := int(e.Off) / m.unit
		h := m.history[u]
		content := bytes.Clone(h[len(h)-1])
		copy(content[int(e.Off)%m.unit:], e.Data[:])
		if m.tr.Pages && m.batch[u] == m.runs {
			h[len(h)-1] = content
			return
		}
		m.batch[u] = m.runs
		m.history[u] = append(h, content)
	case trace.Flush:
		if m.tr.Pages {
			return
		}
		if m.flushed[e.Thread] == nil {
			m.flushed[e.Thread] = map[int]int{}
		}
		for u := range m.history {
			if uint64(u*m.unit) < e.Off+e.Len && uint64((u+1)*m.unit) > e.Off {
				m.flushed[e.Thread][u] = len(m.history[u]) - 1
			}
		}
	case trace.Fence:
		for u, v := range m.flushed[e.Thread] {
			m.durable[u] = max(m.durable[u], v)
		}
		delete(m.flushed, e.Thread)
	case trace.Sync:
		for u := range m.history {
			page := uint64(u*m.unit) / trace.Page
			if page >= e.Off/trace.Page && page <= (e.Off+e.Len-1)/trace.Page {
				m.durable[u] = len(m.history[u]) - 1
			}
		}
	case trace.Mark:
		m.acks[e.Worker], m.last = e.N, e.N
	case trace.Pause:
		m.paused++
	case trace.Resume:
		m.paused--
	}
}

// crash adds all images that are possible now.
func (m *model) crash(inFlight bool) {
	if m.paused > 0 {
		return
	}
	options := make([][][]byte, len(m.history))
	dirty := false
	for u, h := range m.history {
		h = h[m.durable[u]:]
		options[u] = append(options[u], h[0])
		for i := 1; i < len(h); i++ {
			options[u] = append(options[u], h[i])
			if m.whole {
				continue
			}
			n := m.unit / trace.Parts
			for mask := range 1 << trace.Parts {
				mix := bytes.Clone(h[i-1])
				for p := range trace.Parts {
					if mask>>p&1 != 0 && p*n < len(mix) {
						copy(mix[p*n:min((p+1)*n, len(mix))], h[i][p*n:])
					}
				}
				options[u] = append(options[u], mix)
			}
		}
		slices.SortFunc(options[u], bytes.Compare)
		options[u] = slices.CompactFunc(options[u], bytes.Equal)
		dirty = dirty || len(options[u]) > 1
	}
	if inFlight && !dirty {
		return
	}
	m.combine(options, nil)
}

func (m *model) combine(options [][][]byte, image []byte) {
	if len(options) == 0 {
		m.images[key(image, m.last, m.acks)] = true
		return
	}
	for _, o := range options[0] {
		m.combine(options[1:], append(bytes.Clone(image), o...))
	}
}

func key(image []byte, last int64, acks map[int32]int64) string {
	return fmt.Sprint(last, acks, " ", string(image))
}

// randomTrace returns a small trace of up to three units that are stored in few
// of their parts, and not without a crash point.
func randomTrace(random *rand.Rand, pages bool) *trace.Trace {
	unit := trace.Line
	if pages {
		unit = trace.Page
	}
	tr := &trace.Trace{Base: make([]byte, 2*unit+trace.Line+20), Pages: pages}
	lines := []int{0, unit, 2 * unit}
	if pages {
		lines = append(lines, 5*trace.Sector, 5*trace.Sector+trace.Line)
	} else if random.IntN(2) == 0 {
		lines = append(lines, 3*trace.Line) // the last one, of 20 bytes
	}
	current := map[int]*[trace.Line]byte{}
	for range 4 + random.IntN(8) {
		off := lines[random.IntN(len(lines))]
		e := trace.Event{Off: uint64(off), Len: 1 + random.Uint64N(uint64(unit)), Thread: 1 + random.Int32N(2)}
		switch random.IntN(12) {
		case 0, 1, 2, 3:
			e.Kind, e.Data = trace.Store, new([trace.Line]byte)
			if old := current[off]; old != nil {
				*e.Data = *old
			}
			for range 1 + random.IntN(3) {
				e.Data[8*random.IntN(3)] = byte(random.IntN(3))
			}
			current[off] = e.Data
		case 4, 5, 6:
			e.Kind = trace.Flush
		case 7, 8:
			e.Kind = trace.Fence
		case 9:
			e.Kind = trace.Sync
		case 10:
			e.Kind, e.Worker, e.N = trace.Mark, random.Int32N(2), random.Int64N(4)
		case 11:
			e.Kind = trace.Pause
			if random.IntN(2) == 0 {
				tr.Events = append(tr.Events, e)
				e.Kind = trace.Resume
				break
			}
			continue
		}
		tr.Events = append(tr.Events, e)
	}
	return tr
}

// viewer sees the images that are checked, as a worker does.
type viewer struct {
	mu     sync.Mutex
	states map[int]*trace.State
	tr     *trace.Trace
	images map[string]bool
	order  []string
	twice  int
}

func newViewer(tr *trace.Trace) *viewer {
	return &viewer{states: map[int]*trace.State{}, tr: tr, images: map[string]bool{}}
}

func (v *viewer) see(worker int, c trace.Choice) ([]byte, trace.Acked, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.states[worker]
	if s == nil {
		s = trace.NewState(v.tr)
		v.states[worker] = s
	}
	s.Seek(c.Point)
	if err := s.Apply(c); err != nil {
		return nil, trace.Acked{}, err
	}
	acks := map[int32]int64{}
	for _, w := range s.Acked().Workers() {
		acks[w] = s.Acked().Of(w)
	}
	k := key(s.Durable(), s.Acked().Last(), acks)
	if v.images[k] {
		v.twice++
	}
	v.images[k] = true
	v.order = append(v.order, c.String())
	return bytes.Clone(s.Durable()), s.Acked(), nil
}

func (v *viewer) pass(worker int, c trace.Choice) (Verdict, error) {
	_, _, err := v.see(worker, c)
	return Verdict{}, err
}

// Ensure that, if there is no limit, the images are exactly the legal ones, each
// of them once, and that with limits they are some of these.
func TestAgainstModel(t *testing.T) {
	compared := 0
	for seed := range uint64(300) {
		pages := seed%3 == 0
		whole := seed%2 == 0
		tr := randomTrace(rand.New(rand.NewPCG(seed, 1)), pages)
		want := legal(tr, whole)
		if len(want) > 5000 {
			continue
		}
		compared++
		v := newViewer(tr)
		r, err := Run(tr, Config{Seed: seed, Images: 1 << 20, PerPoint: 1 << 20, WholeLines: whole}, v.pass)
		require.NoError(t, err)
		require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(v.images)), "seed %d", seed)
		assert.Zero(t, v.twice, "seed %d", seed)
		assert.Equal(t, len(want), r.Images)
		assert.Equal(t, r.Points, r.PointsTried)
		assert.Empty(t, r.Failures)

		for _, c := range []Config{{}, {PerPoint: 3, AllSubsets: -1}, {Images: 5}} {
			c.Seed, c.WholeLines = seed, whole
			v := newViewer(tr)
			r, err := Run(tr, c, v.pass)
			require.NoError(t, err)
			assert.Zero(t, v.twice)
			assert.Equal(t, r.Images, len(v.images))
			if c.Images > 0 {
				assert.LessOrEqual(t, r.Images, c.Images)
			}
			for image := range v.images {
				assert.True(t, want[image], "seed %d: an image that is not legal", seed)
			}
		}
	}
	assert.Greater(t, compared, 200)
}
