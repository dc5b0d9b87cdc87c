package nbd

import "sync"

// budget bounds what the commands of a connection need at once: maxAtOnce
// commands, and maxPending bytes.
type budget struct {
	lock  sync.Mutex
	given sync.Cond
	count int
	bytes int
}

func (b *budget) init() { b.given.L = &b.lock }

// take waits until there is room for one more command. One alone has room,
// however large it is.
func (b *budget) take(bytes int) {
	b.lock.Lock()
	defer b.lock.Unlock()
	for b.count > 0 && (b.count == maxAtOnce || b.bytes+bytes > maxPending) {
		b.given.Wait()
	}
	b.count++
	b.bytes += bytes
}

func (b *budget) give(bytes int) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.count--
	b.bytes -= bytes
	b.given.Signal()
}
