// Package blk holds tests only: C programs and Go programs that work on the
// same pools of blocks.
//
// The C programs are PMDK's own example, a database of assets, as the package
// libpmemblk-dev installs it, built unchanged when the tests run, and the
// program pmempool. Where they are not installed, the tests are skipped and say
// so.
package blk
