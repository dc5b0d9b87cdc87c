package main

import (
	"context"
	"fmt"
	"os"

	"github.com/urfave/cli/v3"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/index"
	"github.com/pmem/pmdk-go/examples/codeindex/internal/memindex"
	"github.com/pmem/pmdk-go/examples/codeindex/internal/source"
)

// runVerify is `codeindex verify`.
func runVerify(ctx context.Context, cmd *cli.Command) error {
	out := cmd.Root().Writer
	return withIndex(cmd, index.OpenVerified, func(x *index.Index) error {
		report, err := x.Verify()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s in %s, %s read: every checksum, table and posting is right, no object is lost\n",
			plural(report.Files, "file"), plural(report.Segments, "segment"), bytesText(report.Bytes))
		if !cmd.Bool("sources") {
			return nil
		}
		unchanged, changed, err := compareWithSources(ctx, x)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "identical to %s; %s not compared, having changed since\n", plural(unchanged, "source file"), count(changed))
		return nil
	})
}

// compareWithSources reads the indexed files again, those that still are what
// they were.
func compareWithSources(ctx context.Context, x *index.Index) (unchanged, changed int, err error) {
	view, err := x.View()
	if err != nil {
		return 0, 0, err
	}
	var files []source.File
	for f := range view.Files() {
		info, err := os.Lstat(f.Path)
		if err != nil || info.Size() != f.Size || info.ModTime().UnixNano() != f.ModTime {
			changed++
			continue
		}
		files = append(files, source.File{Path: f.Path, Size: f.Size, ModTime: f.ModTime})
	}
	fromMaps, err := memindex.Build(ctx, files)
	if err != nil {
		return 0, 0, err
	}
	return len(files), changed, fromMaps.Diff(view)
}
