// Package poolfile is what the packages of pools do with files before, around
// and after the C library: it creates them so that a kill leaves no half pool
// behind, gives them all their blocks, finds out what flushing to them will
// mean, and keeps the C functions that open and close them apart from forks.
package poolfile
