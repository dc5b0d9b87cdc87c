package plainpool

// #include "settings.h"
import "C"

import (
	"io/fs"

	"github.com/pmem/pmdk-go/internal/poolfile"
)

// Settings hold for one create or open. Pass their address to a shim as
// (*C.struct_pmemgo_settings)(unsafe.Pointer(&s)).
type Settings struct{ c C.struct_pmemgo_settings }

// unchanged leaves one of the process's settings as it is.
const unchanged = -1

// settings are o's for C.
func (o *Options) settings() Settings {
	s := C.struct_pmemgo_settings{
		is_pmem:        C.int32_t(poolfile.IsPmem(o.Durability)),
		prefault:       unchanged,
		copy_on_write:  unchanged,
		shutdown_state: unchanged,
	}
	if o.Prefault {
		s.prefault = 1
	}
	if o.CopyOnWrite {
		s.copy_on_write = 1
	}
	if o.ShutdownState != nil {
		s.shutdown_state = C.int32_t(number(*o.ShutdownState))
	}
	return Settings{s}
}

// withMode are the settings with permission bits, for the parts that C makes.
func (s Settings) withMode(mode fs.FileMode) Settings {
	s.c.mode = C.uint32_t(mode)
	return s
}

// private says whether C has opened a pool with copy on write.
func (s *Settings) private() bool { return s.c.copy_on_write == 1 }

// number is a boolean setting's value.
func number(b bool) int32 {
	if b {
		return 1
	}
	return 0
}
