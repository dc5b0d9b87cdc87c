// Package poolsource opens the files of a pool before the C library does: one
// file, or the parts of a pool set. It checks what all kinds of pools have in
// common, locks and headers, and reads the parts as the one row of bytes that
// PMDK maps them to.
package poolsource
