// Package shimtest lets tests reach the C of pmemgo.h: cgo is not allowed in
// test files.
package shimtest

/*
#cgo CFLAGS: -I${SRCDIR}/../..
#include <stddef.h>
#include "pmemgo.h"

static size_t status_size(void) { return sizeof(struct pmemgo_status); }
static size_t status_err_offset(void) { return offsetof(struct pmemgo_status, err); }
static size_t status_msg_offset(void) { return offsetof(struct pmemgo_status, msg); }

struct masks {
	int before[65], inside[65], after[65];
};

static void
read_mask(int *member)
{
	sigset_t set;
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	for (int sig = 1; sig <= 64; sig++)
		member[sig] = sigismember(&set, sig) == 1;
}

// One call, because the mask belongs to the thread.
static void
mask_round_trip(int blocked_already, struct masks *m)
{
	sigset_t original, one, saved;
	sigemptyset(&one);
	sigaddset(&one, blocked_already);
	pthread_sigmask(SIG_BLOCK, &one, &original);

	read_mask(m->before);
	pmemgo_block_signals(&saved);
	read_mask(m->inside);
	pmemgo_unblock_signals(&saved);
	read_mask(m->after);

	pthread_sigmask(SIG_SETMASK, &original, NULL);
}
*/
import "C"

import (
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
)

// StatusLayout is the size of struct pmemgo_status and the offsets of its
// fields.
func StatusLayout() (size, errOffset, msgOffset uintptr) {
	return uintptr(C.status_size()), uintptr(C.status_err_offset()), uintptr(C.status_msg_offset())
}

// Fail runs pmemgo_fail on st. A nil msg is a NULL message; otherwise msg
// must end with a NUL.
func Fail(st *cgoutil.Status, err int, msg []byte) {
	C.pmemgo_fail((*C.struct_pmemgo_status)(unsafe.Pointer(st)), C.int(err),
		(*C.char)(unsafe.Pointer(unsafe.SliceData(msg))))
}

// Masks is which signals 1 to 64 are blocked before, between and after
// pmemgo_block_signals and pmemgo_unblock_signals; index 0 is unused.
type Masks struct {
	Before, Inside, After [65]bool
}

// MaskRoundTrip blocks and unblocks on one thread that has the given signal
// blocked already.
func MaskRoundTrip(blockedAlready int) Masks {
	var c C.struct_masks
	C.mask_round_trip(C.int(blockedAlready), &c)
	var m Masks
	for i := range m.Before {
		m.Before[i] = c.before[i] != 0
		m.Inside[i] = c.inside[i] != 0
		m.After[i] = c.after[i] != 0
	}
	return m
}
