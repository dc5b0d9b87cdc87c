package journal_test

import (
	"testing"

	"github.com/pmem/pmdk-go/internal/cinterop/cprogram"
	"github.com/pmem/pmdk-go/internal/testchild"
)

func TestMain(m *testing.M) {
	testchild.Main()
	cprogram.Main(m)
}
