package objheap

import "fmt"

// Corrupt is what a check found wrong with a pool's file.
type Corrupt struct {
	Structure string // what is damaged, e.g. "pool header" or "zone 0 chunk 12"
	Offset    int64  // where in the pool, in bytes
	Reason    string // what is wrong with it
}

func (c *Corrupt) Error() string {
	return fmt.Sprintf("%s at offset %#x: %s", c.Structure, c.Offset, c.Reason)
}

func corrupt(structure string, off uint64, format string, args ...any) *Corrupt {
	return &Corrupt{Structure: structure, Offset: int64(off), Reason: fmt.Sprintf(format, args...)}
}
