package cbaseline

/*
#cgo CFLAGS: -O2 -I${SRCDIR}/../../third_party/pmdk/include
#cgo noescape pmemgo_base_tx_words
#cgo nocallback pmemgo_base_tx_words
#cgo noescape pmemgo_base_memcpy_persist
#cgo nocallback pmemgo_base_memcpy_persist
#include "baseline.h"
*/
import "C"

import (
	"unsafe"

	_ "github.com/pmem/pmdk-go/third_party/pmdk" // the C core's linker flags
)

// OID is a PMEMoid.
type OID struct{ Pool, Off uint64 }

// TxWord increments *word in a transaction.
func TxWord(word *uint64, n int) {
	C.pmemgo_base_tx_word((*C.uint64_t)(word), C.size_t(n))
}

// TxBlock increments the words of one block of 64 bytes in a transaction.
func TxBlock(block *uint64, n int) {
	C.pmemgo_base_tx_block((*C.uint64_t)(block), C.size_t(n))
}

// TxBlocks does what TxBlock does to count blocks, stride words apart, in
// one transaction with a range for each.
func TxBlocks(blocks *uint64, stride, count, n int) {
	C.pmemgo_base_tx_blocks((*C.uint64_t)(blocks), C.size_t(stride), C.size_t(count), C.size_t(n))
}

// TxWords increments several words in one transaction with a range for each.
// They lie in one pool; the slice itself is Go memory.
func TxWords(words []*uint64, n int) {
	// C only reads the slice, and what it holds are not Go pointers.
	C.pmemgo_base_tx_words((**C.uint64_t)(unsafe.Pointer(unsafe.SliceData(words))), C.size_t(len(words)), C.size_t(n))
}

// TxPush puts new nodes of 64 bytes at the head of a list, a transaction for
// each: the next node's OID, a value, zeros.
func TxPush(head *OID, n int) {
	C.pmemgo_base_tx_push((*C.PMEMoid)(unsafe.Pointer(head)), C.size_t(n))
}

// TxPushOff is TxPush for a list of offsets.
func TxPushOff(head *uint64, n int) {
	C.pmemgo_base_tx_push_off((*C.uint64_t)(head), C.size_t(n))
}

// AllocFree allocates an object into *slot, which lies in a pool, and frees
// it.
func AllocFree(slot *OID, size, n int) {
	C.pmemgo_base_alloc_free((*C.PMEMoid)(unsafe.Pointer(slot)), C.size_t(size), C.size_t(n))
}

// Persist increments *words and makes the 64 bytes from there durable, by
// libpmem.
func Persist(words *uint64, n int) {
	C.pmemgo_base_persist((*C.uint64_t)(words), C.size_t(n))
}

// MemcpyPersist increments the first word of src and copies src to dst, by
// libpmem.
func MemcpyPersist(dst []byte, src []uint64, n int) {
	C.pmemgo_base_memcpy_persist((*C.char)(unsafe.Pointer(unsafe.SliceData(dst))),
		(*C.uint64_t)(unsafe.SliceData(src)), C.size_t(len(src)*8), C.size_t(n))
}

// Walk sums up the values of the list that starts at head, n times.
func Walk(head OID, n int) uint64 {
	return uint64(C.pmemgo_base_walk(C.PMEMoid{pool_uuid_lo: C.uint64_t(head.Pool), off: C.uint64_t(head.Off)}, C.size_t(n)))
}
