package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/index"
)

// runStats is `codeindex stats`.
func runStats(_ context.Context, cmd *cli.Command) error {
	return withIndex(cmd, index.Open, func(x *index.Index) error {
		st, err := x.Stats()
		if err != nil {
			return err
		}
		t := newTable(cmd.Root().Writer)
		t.stats(st)
		return t.flush()
	})
}

func (t *table) stats(st index.Stats) {
	t.row("files", count(st.Files), "")
	t.row("identifiers", count(st.Identifiers), fmt.Sprintf("and %s qualified pairs", count(st.Pairs)))
	t.row("postings", count(st.Postings), "pairs of a term and a line")
	t.row("pool size", bytesText(st.PoolSize), bytesText(st.Used)+" in segments and vectors")
	t.row("objects", count(st.Objects), plural(st.Segments, "segment")+", and those of the vectors")
}
