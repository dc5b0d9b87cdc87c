package libpmemlog_test

import (
	"os"
	"testing"

	"github.com/pmem/pmdk-go/internal/leaktest"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		runChild(name)
	}
	leaktest.Main(m)
}
