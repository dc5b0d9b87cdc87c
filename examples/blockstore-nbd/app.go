package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/pmem/pmdk-go/examples/blockstore-nbd/internal/nbd"
	"github.com/pmem/pmdk-go/libpmemblk"
)

// newApp declares the command line.
func newApp(out, errOut io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "blockstore-nbd",
		Usage:     "export a libpmemblk pool as a network block device",
		ArgsUsage: "POOL",
		Writer:    out,
		ErrWriter: errOut,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "socket", Usage: "unix socket to listen on (default: POOL with .sock)"},
			&cli.StringFlag{Name: "create", Usage: "make the pool first if it does not exist, with a file of `SIZE`, such as 1GiB"},
			&cli.IntFlag{Name: "block-size", Value: 4096, Usage: "`BYTES` of a block, for --create"},
			&cli.StringFlag{Name: "durability", Value: "auto", Usage: "`HOW` writes are made durable: auto, dax, msync or process-crash"},
			&cli.StringFlag{Name: "name", Value: "store", Usage: "of the export; clients may leave it out"},
			&cli.BoolFlag{Name: "read-only", Usage: "refuse writes"},
			&cli.IntFlag{Name: "connections", Value: 16, Usage: "at most `N` clients at once"},
		},
		Action: serve,
		// Errors are returned to main, which prints them in one place.
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
		OnUsageError:   func(_ context.Context, _ *cli.Command, err error, _ bool) error { return err },
	}
}

// serve is the program. It prints one line when clients may come.
func serve(ctx context.Context, cmd *cli.Command) (err error) {
	if cmd.Args().Len() != 1 {
		return errors.New("one argument is needed: the pool; see --help")
	}
	if n := cmd.Int("connections"); n < 1 {
		return fmt.Errorf("--connections %d: there must be at least one", n)
	}
	if n := len(cmd.String("name")); n > 4096 {
		return fmt.Errorf("--name has %d bytes, at most 4096 are allowed", n)
	}
	path := cmd.Args().First()
	pool, err := openPool(cmd, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	socket := cmd.String("socket")
	if socket == "" {
		socket = path + ".sock"
	}
	listener, err := listen(socket)
	if err != nil {
		return err
	}
	logger := log.New(cmd.Root().ErrWriter, "blockstore-nbd: ", 0)
	d := device{pool}
	server := &nbd.Server{
		Device:           d,
		Name:             cmd.String("name"),
		PreferredBlock:   d.preferred(),
		ReadOnly:         cmd.Bool("read-only"),
		HandshakeTimeout: 30 * time.Second,
		MaxConnections:   cmd.Int("connections"),
		Log:              func(err error) { logger.Print(err) },
	}
	fmt.Fprintf(cmd.Root().Writer, "serving %d blocks of %d bytes, durability %v, on %s\n", pool.Blocks(), pool.BlockSize(), pool.Durability(), socket)
	return server.Serve(ctx, listener)
}

func openPool(cmd *cli.Command, path string) (*libpmemblk.Pool, error) {
	durability, err := libpmemblk.ParseDurability(cmd.String("durability"))
	if err != nil {
		return nil, err
	}
	with := libpmemblk.WithDurability(durability)
	if !cmd.IsSet("create") {
		if cmd.IsSet("block-size") {
			return nil, errors.New("--block-size means nothing without --create")
		}
		return libpmemblk.Open(path, with)
	}
	size, err := parseSize(cmd.String("create"))
	if err != nil {
		return nil, fmt.Errorf("--create: %w", err)
	}
	return libpmemblk.OpenOrCreate(path, cmd.Int("block-size"), with, libpmemblk.WithSize(size))
}
