package main

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/pmem/pmdk-go/internal/leaktest"
)

// serverVariable makes the test binary the program itself, for tests that kill
// it.
const serverVariable = "BLOCKSTORE_NBD_TEST_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(serverVariable) != "" {
		if err := newApp(os.Stdout, os.Stderr).Run(context.Background(), os.Args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	leaktest.Main(m)
}
