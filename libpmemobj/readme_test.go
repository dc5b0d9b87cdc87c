package libpmemobj_test

import (
	"fmt"
	"log"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// What stands between the two marks stands in the README as well.

// README:

type Run struct {
	Started int64
	Before  libpmemobj.Ptr[Run] // where Go would have *Run
}

type History struct {
	Count uint64
	Last  libpmemobj.Ptr[Run]
}

// record adds a run to the history: all of it or, after an error or a crash, nothing.
func record(pool *libpmemobj.Pool, history libpmemobj.Ptr[History], now int64) error {
	return pool.Update(func(tx *libpmemobj.Tx) error {
		run, err := libpmemobj.New[Run](tx)
		if err != nil {
			return err
		}
		h := history.Mut(tx) // snapshot, then write in place
		*run.Get() = Run{Started: now, Before: h.Last}
		h.Count, h.Last = h.Count+1, run
		return nil
	})
}

// :README

func Example_readme() {
	path, remove := exampleFile()
	defer remove()
	for now := range int64(3) { // three starts of a program
		pool, err := libpmemobj.OpenOrCreate(path, "runs")
		if err != nil {
			log.Fatal(err)
		}
		history, err := libpmemobj.Root[History](pool)
		if err != nil {
			log.Fatal(err)
		}
		if err := record(pool, history, 100+now); err != nil {
			log.Fatal(err)
		}
		fmt.Print(history.Get().Count, " runs:")
		for run := history.Get().Last; !run.IsNull(); run = run.Get().Before {
			fmt.Print(" ", run.Get().Started)
		}
		fmt.Println()
		if err := pool.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 1 runs: 100
	// 2 runs: 101 100
	// 3 runs: 102 101 100
}

// Ensure that the code in the README is the code that is compiled here.
func TestReadme(t *testing.T) {
	source, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	_, code, _ := strings.Cut(string(source), "// README:\n\n")
	code, _, found := strings.Cut(code, "\n// :README")
	require.True(t, found)
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "```go\n"+code+"```")
}
