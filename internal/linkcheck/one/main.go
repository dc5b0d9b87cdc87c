// One uses libpmem and nothing else of PMDK; see scripts/linktest.sh.
package main

// #cgo CFLAGS: -I${SRCDIR}/../../../third_party/pmdk/include
// #include <libpmem.h>
import "C"

import (
	"fmt"

	"github.com/pmem/pmdk-go/third_party/pmdk"
)

func main() { fmt.Println(pmdk.LinkInfo(), "auto flush:", C.pmem_has_auto_flush()) }
