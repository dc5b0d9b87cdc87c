package ring

// entries says where the records with consecutive sequence numbers lie: a
// circular buffer that grows.
type entries struct {
	buf   []entry // a power of two
	first uint64  // sequence number of the first
	n     uint64
}

type entry struct {
	pos   uint64
	state entryState
	tries uint32 // how often a queue has delivered it
}

type entryState uint8

const (
	writing  entryState = iota // not durable yet
	ready                      // a queue may deliver it
	taken                      // it is with a consumer
	settling                   // it is being committed
	done                       // it is committed
)

func (e *entries) next() uint64 { return e.first + e.n }

// get returns the entry of a sequence number that is in there.
func (e *entries) get(seq uint64) *entry { return &e.buf[seq&uint64(len(e.buf)-1)] }

func (e *entries) has(seq uint64) bool { return seq-e.first < e.n }

// add puts one more at the end.
func (e *entries) add(pos uint64, s entryState) {
	if e.n == uint64(len(e.buf)) {
		old := *e
		e.buf = make([]entry, max(64, 2*len(old.buf)))
		for seq := old.first; seq < old.next(); seq++ {
			*e.get(seq) = *old.get(seq)
		}
	}
	e.n++
	*e.get(e.next() - 1) = entry{pos: pos, state: s}
}

// cutFront removes all before seq.
func (e *entries) cutFront(seq uint64) {
	e.n -= seq - e.first
	e.first = seq
}

// cutBack removes all from seq on.
func (e *entries) cutBack(seq uint64) { e.n = seq - e.first }
