package libpmempool

import (
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/poolfile"
)

// enterC surrounds everything that leads to C, beginning with the look at the
// files: nobody else in this package may come in between, because C aborts on
// some pools that it finds locked. It lasts until what it returns is called.
//
// PMDK opens files without close-on-exec, and its locks live as long as any copy
// of a descriptor: no process is started while C may be opening files, and what C
// leaves open of the files given to leave is marked, so that none started later
// has it.
func enterC() (leave func(ids []fileID)) {
	poolfile.Enter()
	return func(ids []fileID) {
		defer poolfile.Leave()
		closeOnExec(ids)
	}
}

func closeOnExec(ids []fileID) {
	if len(ids) == 0 {
		return
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && slices.Contains(ids, fileID{uint64(st.Dev), st.Ino}) {
			unix.CloseOnExec(fd)
		}
	}
}
