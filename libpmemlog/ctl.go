package libpmemlog

// #include "shim.h"
import "C"

import (
	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/plainpool"
)

// ctl enters C.
var ctl plainpool.Ctl = func(node []byte, what int, value *int32, st *cgoutil.Status) int {
	return int(C.pmemgo_log_ctl(cString(node), C.enum_pmemgo_ctl(what), (*C.int32_t)(value), cStatus(st)))
}

// CtlGet reads one of PMDK's settings for the logs that this process creates
// or opens from now on: prefault.at_create, prefault.at_open, sds.at_create, or
// copy_on_write.at_open. For any other name, the error is ENOENT.
//
// Implements: pmemlog_ctl_get(3)
func CtlGet(name string) (bool, error) { return ctl.Get(name) }

// CtlSet changes what CtlGet reads, for all goroutines. The options of Create
// and Open do so for one log, and prevail.
//
// Implements: pmemlog_ctl_set(3)
func CtlSet(name string, value bool) error { return ctl.Set(name, value) }

// CtlExec is the third function of PMDK's interface. As libpmemlog has nothing
// to execute, it always fails.
//
// Implements: pmemlog_ctl_exec(3)
func CtlExec(name string) error { return ctl.Exec(name) }
