// Package plainpool is what packages libpmemblk and libpmemlog have in common:
// the options of pools without a heap, the steps of creating one, and PMDK's
// settings, which belong to the process.
//
// Its C is in two headers: settings.h for whoever passes settings, and apply.h
// for the one C file of a package that calls its library.
package plainpool
