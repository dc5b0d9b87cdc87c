// Package log holds tests only: C programs and Go programs that work on the
// same logs.
//
// The C programs are PMDK's own examples, as the package libpmemlog-dev
// installs them, built unchanged when the tests run. Where they are not
// installed, the tests are skipped and say so.
package log
