package libpmemlog

import "github.com/pmem/pmdk-go/internal/loghandle"

func init() {
	loghandle.Of = func(l any) uintptr { return uintptr(l.(*Log).handle) }
}
