package libpmemobj

import (
	"math"
	"sync"

	"golang.org/x/sys/unix"
)

// numbers hands out small numbers, each to one open pool at a time.
type numbers struct {
	lock sync.Mutex
	used map[uint16]bool
}

var poolNumbers = numbers{used: map[uint16]bool{}}

func (n *numbers) take() (uint16, error) {
	n.lock.Lock()
	defer n.lock.Unlock()
	for i := uint16(1); i < math.MaxUint16; i++ {
		if !n.used[i] {
			n.used[i] = true
			return i, nil
		}
	}
	return 0, &Error{Op: "open", Errno: unix.EMFILE, Msg: "65534 pools are open"}
}

func (n *numbers) give(i uint16) {
	n.lock.Lock()
	defer n.lock.Unlock()
	delete(n.used, i)
}
