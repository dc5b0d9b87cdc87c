package libpmemobj

// #cgo noescape pmemgo_obj_wcsdup
// #cgo nocallback pmemgo_obj_wcsdup
// #include "txmore_shim.h"
import "C"

import (
	"bytes"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
)

// Strings for C. A wide string is C's wchar_t, 32 bits for each code point on
// all systems that PMDK runs on.

const wideSize = 4

// NewStringWith is [NewString] with flags.
//
// Implements: pmemobj_tx_xstrdup(3)
func NewStringWith(tx *Tx, s string, typeNum uint64, flags ...AllocFlags) (OID, error) {
	const op = "new string"
	if err := tx.usable(op); err != nil {
		return OID{}, err
	}
	if err := checkString(op, s); err != nil {
		return OID{}, tx.failed(err)
	}
	oid, err := tx.allocWith(op, uint64(len(s))+1, typeNum, flags)
	if err != nil {
		return OID{}, err
	}
	view := unsafe.Slice((*byte)(unsafe.Add(tx.pool.base, oid.Off)), len(s)+1)
	view[copy(view, s)] = 0
	return oid, nil
}

// NewWideString allocates an object holding the code points of s as wide
// characters and a terminating 0, which C programs read as a wchar_t string. s
// must be valid UTF-8 without a NUL.
//
// Implements: pmemobj_tx_wcsdup(3), pmemobj_tx_xwcsdup(3)
func NewWideString(tx *Tx, s string, typeNum uint64, flags ...AllocFlags) (OID, error) {
	const op = "new wide string"
	if err := tx.usable(op); err != nil {
		return OID{}, err
	}
	n, err := wideLen(op, s)
	if err != nil {
		return OID{}, tx.failed(err)
	}
	oid, err := tx.allocWith(op, uint64(n)*wideSize, typeNum, flags)
	if err != nil {
		return OID{}, err
	}
	putWide(unsafe.Slice((*int32)(unsafe.Add(tx.pool.base, oid.Off)), n), s)
	return oid, nil
}

// allocWith is alloc with the user's flags.
func (tx *Tx) allocWith(op string, size, typeNum uint64, flags []AllocFlags) (OID, error) {
	return tx.xalloc(op, size, typeNum, allFlags(flags))
}

// Wcsdup allocates an object holding the code points of s as wide characters
// and a terminating 0 and stores its OID in *dst, like Alloc; C programs read
// it as a wchar_t string. s must be valid UTF-8 without a NUL.
//
// Implements: pmemobj_wcsdup(3)
func (p *Pool) Wcsdup(dst *OID, s string, typeNum uint64) (OID, error) {
	const op = "wcsdup"
	if err := p.enterChange(op); err != nil {
		return OID{}, err
	}
	defer p.leave()
	n, err := wideLen(op, s)
	if err != nil {
		return OID{}, err
	}
	if err := p.destination(op, dst); err != nil {
		return OID{}, err
	}
	wide := make([]int32, n)
	putWide(wide, s)
	var st cgoutil.Status
	off := uint64(C.pmemgo_obj_wcsdup(p.handle, cOID(dst), (*C.int32_t)(unsafe.SliceData(wide)), C.uint64_t(typeNum), cStatus(&st)))
	if st.Errno != 0 {
		return OID{}, p.explain(p.opError(&st, op), uint64(n)*wideSize, 0)
	}
	return OID{p.uuid, off}, p.settled(op, nil)
}

// wideLen is the number of wide characters for s, the 0 at the end included.
func wideLen(op, s string) (int, error) {
	if i := strings.IndexByte(s, 0); i >= 0 {
		return 0, badArgument(op, "the string has a NUL byte at %d, where C would see its end", i)
	}
	n := 1
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)) {
			return 0, badArgument(op, "the string is not UTF-8 at byte %d", i)
		}
		n++
	}
	if n > MaxAlloc/wideSize {
		return 0, badArgument(op, "string of %d characters; an object has room for %d", n-1, MaxAlloc/wideSize-1)
	}
	return n, nil
}

// putWide fills wide, which is as long as wideLen says.
func putWide(wide []int32, s string) {
	i := 0
	for _, r := range s {
		wide[i] = r
		i++
	}
	wide[i] = 0
}

// CString is a copy of the NUL-terminated string at the start of an object,
// without the NUL. An object without a NUL is an error. The bytes need not be
// UTF-8.
func (p *Pool) CString(oid OID) (string, error) {
	const op = "c string"
	if err := p.enterAny(op); err != nil {
		return "", err
	}
	defer p.leave()
	usable, err := p.roomInTx(op, oid)
	if err != nil {
		return "", err
	}
	b := unsafe.Slice((*byte)(unsafe.Add(p.base, oid.Off)), usable)
	n := bytes.IndexByte(b, 0)
	if n < 0 {
		return "", badArgument(op, "%v holds no NUL in its %d bytes", oid, usable)
	}
	return string(b[:n]), nil
}

// WideString is the wchar_t string at the start of an object, as UTF-8. An
// object without a terminating 0 is an error, as is a character that is no
// Unicode code point.
func (p *Pool) WideString(oid OID) (string, error) {
	const op = "wide string"
	if err := p.enterAny(op); err != nil {
		return "", err
	}
	defer p.leave()
	usable, err := p.roomInTx(op, oid)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i, r := range unsafe.Slice((*int32)(unsafe.Add(p.base, oid.Off)), usable/wideSize) {
		if r == 0 {
			return b.String(), nil
		}
		if !utf8.ValidRune(r) {
			return "", badArgument(op, "character %d of %v is %#x, no code point", i, oid, uint32(r))
		}
		b.WriteRune(r)
	}
	return "", badArgument(op, "%v holds no terminating 0 in its %d bytes", oid, usable)
}

// roomInTx is the usable size of an object, also of one that the calling
// goroutine's transaction has allocated.
func (p *Pool) roomInTx(op string, oid OID) (uint64, error) {
	if tx := openTxs.find(); tx != nil && tx.pool == p && oid.Pool == p.uuid {
		if i, ok := tx.fresh.search(oid.Off); ok && tx.fresh[i].start == oid.Off {
			return tx.fresh[i].end - oid.Off, nil
		}
	}
	return p.ownObject(op, oid)
}
