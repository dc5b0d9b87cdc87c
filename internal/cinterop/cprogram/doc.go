// Package cprogram builds and runs PMDK's own C examples for tests, against
// the PMDK that Go programs are linked with.
//
// The examples are those that Debian installs with each library's -dev package.
// They are built unchanged, when a test first needs them.
package cprogram
