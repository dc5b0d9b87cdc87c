// Package cmap times PMDK's example maps in C, for containers in Go to be
// compared with.
//
// The maps are those that Debian installs with libpmemobj-dev. They are built
// unchanged, when they are first needed, together with a driver: a program
// that carries out one command after the other, so that its turns can alternate
// with those of a Go program.
package cmap
