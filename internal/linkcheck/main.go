// Linkcheck uses all five PMDK libraries a little, in a folder given to it,
// and prints how it is linked. scripts/linktest.sh builds it in every link
// mode and looks at the binary.
package main

// #cgo CFLAGS: -I${SRCDIR}/../../third_party/pmdk/include
// #include <stdlib.h>
// #include "check.h"
import "C"

import (
	"fmt"
	"os"
	"unsafe"

	"github.com/pmem/pmdk-go/third_party/pmdk"
	_ "github.com/pmem/pmdk-go/third_party/pmdk/libpmemblk"
	_ "github.com/pmem/pmdk-go/third_party/pmdk/libpmemlog"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: linkcheck DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "linkcheck:", err)
		os.Exit(1)
	}
	fmt.Println(pmdk.LinkInfo())
}

func run(dir string) error {
	cdir := C.CString(dir)
	defer C.free(unsafe.Pointer(cdir))

	checks := []struct {
		name string
		msg  *C.char
	}{
		{"libpmem", C.pmemgo_check_pmem(cdir)},
		{"libpmemobj", C.pmemgo_check_obj(cdir)},
		{"libpmemblk", C.pmemgo_check_blk(cdir)},
		{"libpmemlog", C.pmemgo_check_log(cdir)},
		{"libpmempool", C.pmemgo_check_pool(cdir)},
	}
	for _, c := range checks {
		if c.msg != nil {
			return fmt.Errorf("%s: %s", c.name, C.GoString(c.msg))
		}
		fmt.Println(c.name, "works")
	}

	// No mode can reach a remote replica here; it must be told, not crash.
	refused := C.pmemgo_check_remote(cdir)
	if refused == nil {
		return fmt.Errorf("a pool with an unreachable remote replica was created")
	}
	fmt.Println("remote replica refused:", C.GoString(refused))
	return nil
}
