package plainpool

// #include "settings.h"
import "C"

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// ctlNodes are all that the libraries have. C believes in any name and any
// pointer, so that no other gets there.
var ctlNodes = []string{"prefault.at_create", "prefault.at_open", "sds.at_create", "copy_on_write.at_open"}

// Ctl calls a library's pmemgo_call_ctl, and returns its result. what is an
// enum pmemgo_ctl.
type Ctl func(node []byte, what int, value *int32, st *cgoutil.Status) int

// Get reads a setting.
func (ctl Ctl) Get(node string) (bool, error) {
	v, err := ctl.call("ctl get", node, C.PMEMGO_CTL_GET, 0)
	return v != 0, err
}

// Set changes a setting.
func (ctl Ctl) Set(node string, value bool) error {
	_, err := ctl.call("ctl set", node, C.PMEMGO_CTL_SET, number(value))
	return err
}

// Exec fails: no node can be executed.
func (ctl Ctl) Exec(node string) error {
	_, err := ctl.call("ctl exec", node, C.PMEMGO_CTL_EXEC, 0)
	return err
}

func (ctl Ctl) call(op, node string, what int, value int32) (int32, error) {
	if !slices.Contains(ctlNodes, node) {
		return 0, &cgoutil.Error{Op: op, Errno: unix.ENOENT, Msg: fmt.Sprintf("there is no node %.100q; there are %s", node, strings.Join(ctlNodes, ", "))}
	}
	name, err := cgoutil.CString(op, "node", node, len(node))
	if err != nil {
		return 0, err
	}
	var st cgoutil.Status
	poolfile.Enter()
	defer poolfile.Leave()
	if ctl(name, what, &value, &st) != 0 {
		return 0, st.Err(op, "")
	}
	return value, nil
}
