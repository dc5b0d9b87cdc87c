// Blockstore-nbd exports a pool of libpmemblk as a network block device, on a
// unix socket:
//
//	blockstore-nbd --create 1GiB --socket /run/store.sock store.blk
//	qemu-img convert -n -O raw disk.qcow2 nbd+unix:///?socket=/run/store.sock
//
// The pool gives what disks promise and often do not keep: a block of the size
// that the pool has (4096 bytes unless --block-size says otherwise) is written
// as a whole or not at all, whatever happens to the process or, on persistent
// memory, to the machine, and is durable when the write is acknowledged. Writes
// of any size and at any place work.
//
// SIGINT and SIGTERM end it: commands under way are finished first.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newApp(os.Stdout, os.Stderr).Run(ctx, os.Args); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "blockstore-nbd:", err)
		os.Exit(1)
	}
}
