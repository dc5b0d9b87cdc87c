package directory

import "github.com/pmem/pmdk-go/libpmemobj"

// Chunks is how many chunks the pool's table of names has.
func Chunks(p *libpmemobj.Pool) (n int, err error) {
	d, err := of(p)
	if err != nil {
		return 0, err
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	root, err := findRoot(p)
	if err != nil || root == nil {
		return 0, err
	}
	for _, err := range d.chunks(root.table) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}
