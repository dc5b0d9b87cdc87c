package libpmemblk

// #include "shim.h"
import "C"

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// ctlNodes are all that libpmemblk has. C believes in any name and any pointer,
// so that no other gets there.
var ctlNodes = []string{"prefault.at_create", "prefault.at_open", "sds.at_create", "copy_on_write.at_open"}

// CtlGet reads one of PMDK's settings for the pools that this process creates
// or opens from now on: prefault.at_create, prefault.at_open, sds.at_create, or
// copy_on_write.at_open. For any other name, the error is ENOENT.
//
// Implements: pmemblk_ctl_get(3)
func CtlGet(name string) (bool, error) {
	v, err := ctl("ctl get", name, C.PMEMGO_BLK_CTL_GET, 0)
	return v != 0, err
}

// CtlSet changes what CtlGet reads, for all goroutines. The options of Create
// and Open do so for one pool, and prevail.
//
// Implements: pmemblk_ctl_set(3)
func CtlSet(name string, value bool) error {
	v := C.int32_t(0)
	if value {
		v = 1
	}
	_, err := ctl("ctl set", name, C.PMEMGO_BLK_CTL_SET, v)
	return err
}

// CtlExec is the third function of PMDK's interface. As libpmemblk has nothing
// to execute, it always fails.
//
// Implements: pmemblk_ctl_exec(3)
func CtlExec(name string) error {
	_, err := ctl("ctl exec", name, C.PMEMGO_BLK_CTL_EXEC, 0)
	return err
}

func ctl(op, name string, what C.enum_pmemgo_blk_ctl, value C.int32_t) (C.int32_t, error) {
	if !slices.Contains(ctlNodes, name) {
		return 0, &Error{Op: op, Errno: unix.ENOENT, Msg: fmt.Sprintf("there is no node %.100q; there are %s", name, strings.Join(ctlNodes, ", "))}
	}
	cName, err := cgoutil.CString(op, "node", name, len(name))
	if err != nil {
		return 0, err
	}
	var st cgoutil.Status
	poolfile.Enter()
	defer poolfile.Leave()
	if C.pmemgo_blk_ctl(cString(cName), what, &value, cStatus(&st)) != 0 {
		return 0, st.Err(op, "")
	}
	return value, nil
}
