package libpmempool_test

import (
	"os"
	"testing"

	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/internal/testchild"
)

func TestMain(m *testing.M) {
	os.Setenv("PMEM_IS_PMEM_FORCE", "1") // nothing here is about power loss
	testchild.Main()
	leaktest.Main(m)
}
