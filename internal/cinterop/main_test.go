package cinterop_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/pmem/pmdk-go/internal/leaktest"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "cinterop-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binaries = dir
	code := leaktest.Run(m, os.Stderr)
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}
