package main

import (
	"fmt"

	"github.com/pmem/pmdk-go/libpmempool"
	"github.com/pmem/pmdk-go/third_party/pmdk"
)

func version() string {
	return fmt.Sprintf("pmempool for pmdk-go, libpmempool %d.%d, %v", libpmempool.MajorVersion, libpmempool.MinorVersion, pmdk.LinkInfo())
}
