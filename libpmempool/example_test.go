package libpmempool_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/pmem/pmdk-go/libpmemlog"
	"github.com/pmem/pmdk-go/libpmempool"
)

// tempLog makes a log with a line in it.
func tempLog() (path string, remove func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	path = filepath.Join(dir, "events.log")
	l, err := libpmemlog.Create(path, libpmemlog.WithSize(libpmemlog.MinPool))
	if err != nil {
		log.Fatal(err)
	}
	if err := l.Append([]byte("something happened\n")); err != nil {
		log.Fatal(err)
	}
	if err := l.Close(); err != nil {
		log.Fatal(err)
	}
	return path, func() { os.RemoveAll(dir) }
}

// A log whose header was overwritten is found, and repaired step by step.
func ExampleCheck() {
	path, remove := tempLog()
	defer remove()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, 24), 4096); err != nil {
		log.Fatal(err)
	}
	f.Close()

	ctx := context.Background()
	check, err := libpmempool.Check(ctx, path)
	if err != nil {
		log.Fatal(err)
	}
	for message := range check.Messages() {
		fmt.Println(message)
	}
	report, err := check.Result()
	fmt.Println(report.Result, err)

	check, err = libpmempool.Check(ctx, path, libpmempool.WithRepair(), libpmempool.WithBackup(path+".before"),
		libpmempool.WithAnswers(func(q libpmempool.Question) bool {
			fmt.Println(q.Text)
			return true
		}))
	if err != nil {
		log.Fatal(err)
	}
	report, err = check.Result()
	fmt.Println(report.Result, err)
	fmt.Println(len(report.Caveats), "caveat")
	// Output:
	// invalid pmemlog.start_offset: 0x0
	// not consistent <nil>
	// invalid pmemlog.start_offset: 0x0. Do you want to set pmemlog.start_offset to default 0x2000?
	// invalid pmemlog.end_offset: 0x0. Do you want to set pmemlog.end_offset to 0x200000?
	// invalid pmemlog.write_offset: 0x0. Do you want to set pmemlog.write_offset to pmemlog.end_offset?
	// repaired <nil>
	// 1 caveat
}

func ExampleInfo() {
	path, remove := tempLog()
	defer remove()
	info, err := libpmempool.Info(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Type, info.Files[0].Header.Features())
	fmt.Println(info.Log.Write-info.Log.Start, "bytes, room for", info.Log.End-info.Log.Start)
	fmt.Println(len(info.Damage), "damages")
	// Output:
	// log [CKSUM_2K SHUTDOWN_STATE CHECK_BAD_BLOCKS]
	// 19 bytes, room for 2088960
	// 0 damages
}

func ExampleFeatureDisable() {
	path, remove := tempLog()
	defer remove()
	changed, err := libpmempool.FeatureDisable(path, libpmempool.FeatureShutdownState, libpmempool.WithDryRun())
	fmt.Println(changed, err)
	_, err = libpmempool.FeatureDisable(path, libpmempool.FeatureShutdownState)
	if err != nil {
		log.Fatal(err)
	}
	on, err := libpmempool.FeatureQuery(path, libpmempool.FeatureShutdownState)
	fmt.Println(on, err)
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleRemove() {
	path, remove := tempLog()
	defer remove()
	removed, err := libpmempool.Remove(path, libpmempool.WithDryRun())
	fmt.Println(len(removed), err)
	removed, err = libpmempool.Remove(path)
	fmt.Println(len(removed), err)
	// Output:
	// 1 <nil>
	// 1 <nil>
}

func ExamplePoolSet() {
	var set libpmempool.PoolSet
	set.AddPart("/data/a", 64<<20).AddPart("/data/b", 64<<20)
	set.AddReplica().AddPart("/mirror/c", 128<<20)
	text, err := set.MarshalText()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	fmt.Println(set.Validate(libpmempool.TypeObj))
	fmt.Println(set.Validate(libpmempool.TypeLog))
	// Output:
	// PMEMPOOLSET
	// 64MiB /data/a
	// 64MiB /data/b
	// REPLICA
	// 128MiB /mirror/c
	// <nil>
	// validate pool set: replication is not supported for log pools (invalid argument)
}

func ExampleParsePoolSet() {
	set, err := libpmempool.ParsePoolSet([]byte("PMEMPOOLSET\n64GiB /data/a # fast\n"))
	fmt.Println(set.Replicas[0].Parts, err)
	_, err = libpmempool.ParsePoolSet([]byte("PMEMPOOLSET\n64 GiB /data/a\n"))
	fmt.Println(err)
	// Output:
	// [{68719476736 false /data/a}] <nil>
	// line 2: incorrect path "GiB" (must be an absolute one)
}

// Sync and Transform work on pool sets of obj pools.
func ExampleSync() {
	err := libpmempool.Sync("/data/pool.set", libpmempool.WithDryRun())
	fmt.Println(err)
	// Output:
	// sync /data/pool.set: no such file or directory
}
