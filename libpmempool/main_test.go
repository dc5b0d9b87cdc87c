package libpmempool_test

import (
	"os"
	"testing"

	"github.com/pmem/pmdk-go/internal/leaktest"
)

func TestMain(m *testing.M) {
	if args := os.Getenv(childEnv); args != "" {
		child(args)
		return
	}
	os.Setenv("PMEM_IS_PMEM_FORCE", "1") // nothing here is about power loss
	leaktest.Main(m)
}
