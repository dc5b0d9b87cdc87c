package container

import (
	"testing"

	"github.com/pmem/pmdk-go/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
