//go:build !pmdk_dynamic

// Package ndctlprobe calls the stand-ins for libndctl from Go, for the tests
// of package pmdk: C cannot be called from test files.
package ndctlprobe

// #cgo CFLAGS: -I${SRCDIR}/../..
// #include "probe.h"
import "C"

import _ "github.com/pmem/pmdk-go/third_party/pmdk" // the stand-ins

// Answer is what one function answered, beside what it answers without the
// library and with the fake one of the tests.
type Answer struct {
	Name              string
	Got, Absent, Fake uint64
}

// All calls every function of the tables.
func All() []Answer {
	probes := make([]C.struct_pmemgo_probe, 100)
	n := C.pmemgo_probe_all(&probes[0], C.int(len(probes)))
	answers := make([]Answer, 0, n)
	for _, p := range probes[:n] {
		answers = append(answers, Answer{
			Name:   C.GoString(p.name),
			Got:    uint64(p.got),
			Absent: uint64(p.absent),
			Fake:   uint64(p.fake),
		})
	}
	return answers
}

// Context says whether ndctl_new makes a context and ndctl_unref, of the same
// library, ends it.
func Context() bool { return C.pmemgo_probe_context() == 1 }

// UseLibraries makes the process look for these files instead of libndctl and
// libdaxctl. It must come before the first look.
func UseLibraries(ndctl, daxctl string) {
	C.pmemgo_probe_names(C.CString(ndctl), C.CString(daxctl)) // kept for good
}
