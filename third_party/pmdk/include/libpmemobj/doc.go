// Package libpmemobj holds PMDK's C headers once scripts/vendor.sh has fetched them.
// It is a Go package only so that `go mod vendor` takes the folder along.
package libpmemobj
