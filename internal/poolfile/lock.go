package poolfile

import (
	"sync"
	"syscall"
)

var openLock sync.Mutex

// Enter and Leave surround a C function that opens or closes files. One runs
// at a time: some of PMDK's settings for them belong to the process. And no
// process is started meanwhile: between fork and exec it would have copies of
// their descriptors, and with them PMDK's lock on a file that is closed here.
func Enter() {
	openLock.Lock()
	syscall.ForkLock.RLock()
}

// Leave is the end of what Enter began.
func Leave() {
	syscall.ForkLock.RUnlock()
	openLock.Unlock()
}
