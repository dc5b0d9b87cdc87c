// Package cprogram builds and runs C programs for tests, against the PMDK that
// Go programs are linked with: PMDK's own examples, and programs of ours that
// read what Go has written.
//
// The examples are those that Debian installs with each library's -dev package.
// They are built unchanged. All programs are built when a test first needs them.
package cprogram
