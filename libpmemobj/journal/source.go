package journal

import "github.com/pmem/pmdk-go/libpmemobj/journal/internal/capture"

// captured is the source of a pool's batches. Whoever leads owns it.
type captured struct {
	*capture.Capture
}

// Take encodes the batch at once, so that there is room for the next.
func (c captured) Take(dst []byte) (batch []byte, last uint64) {
	// What was captured before is in the batch or was taken already.
	last = c.Appended()
	b, ok := c.Capture.Take()
	if !ok {
		return dst, last
	}
	defer c.Give(b)
	return b.AppendTo(dst), b.LSN()
}
