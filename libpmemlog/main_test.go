package libpmemlog_test

import (
	"testing"

	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/internal/testchild"
)

func TestMain(m *testing.M) {
	testchild.Main()
	leaktest.Main(m)
}
