// Package loghandle lets internal/benchratio time C and Go on one log: which of
// two files lies better in memory makes more of a difference than the language.
package loghandle

// Of returns the PMEMlogpool * of an open *libpmemlog.Log. libpmemlog sets it.
var Of func(log any) uintptr
