package radix

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"
)

// Slots are written and read in words, the last one of a key or value padded
// with zeros, so that who reads while another writes sees whole words in the
// order of the loads.

func loadWord(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// tailWord is what b, of 1 to 7 bytes, looks like in the last word.
func tailWord(b []byte) (w uint64) {
	for i, c := range b {
		w |= uint64(c) << (8 * i)
	}
	return w
}

func putWords(dst unsafe.Pointer, b []byte) {
	for ; len(b) >= wordSize; b = b[wordSize:] {
		*(*uint64)(dst) = loadWord(b)
		dst = unsafe.Add(dst, wordSize)
	}
	if len(b) > 0 {
		*(*uint64)(dst) = tailWord(b)
	}
}

// sameWords says whether the words at src are b.
func sameWords(src unsafe.Pointer, b []byte) bool {
	for ; len(b) >= wordSize; b = b[wordSize:] {
		if atomic.LoadUint64((*uint64)(src)) != loadWord(b) {
			return false
		}
		src = unsafe.Add(src, wordSize)
	}
	return len(b) == 0 || atomic.LoadUint64((*uint64)(src)) == tailWord(b)
}

// getWords fills dst from the words at src.
func getWords(dst []byte, src unsafe.Pointer) {
	for ; len(dst) >= wordSize; dst = dst[wordSize:] {
		binary.LittleEndian.PutUint64(dst, atomic.LoadUint64((*uint64)(src)))
		src = unsafe.Add(src, wordSize)
	}
	if len(dst) == 0 {
		return
	}
	w := atomic.LoadUint64((*uint64)(src))
	for i := range dst {
		dst[i] = byte(w >> (8 * i))
	}
}

// grow appends n bytes of any content to b.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b[:len(b)+n]
	}
	return append(b, make([]byte, n)...)
}

// head is the first bytes of b as a number that is in the order of byte
// strings: if two heads differ, their strings are in the same order.
func head(b []byte) uint64 {
	if len(b) >= wordSize {
		return binary.BigEndian.Uint64(b)
	}
	var h uint64
	for i, c := range b {
		h |= uint64(c) << (56 - 8*i)
	}
	return h
}
