// Package lib holds PMDK's static archives once scripts/vendor.sh has fetched
// them. It is a Go package only so that `go mod vendor` takes the folder along.
package lib
