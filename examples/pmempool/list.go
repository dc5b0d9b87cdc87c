package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"

	// Each says how large containers of its kinds are.
	_ "github.com/pmem/pmdk-go/libpmemobj/counter"
	_ "github.com/pmem/pmdk-go/libpmemobj/hashmap"
	_ "github.com/pmem/pmdk-go/libpmemobj/radix"
	_ "github.com/pmem/pmdk-go/libpmemobj/ring"
	_ "github.com/pmem/pmdk-go/libpmemobj/vector"
)

var listCommand = command{
	name:     "list",
	synopsis: "[options] FILE",
	about:    "list the containers in an obj pool's directory",
	prepare: func(flags *pflag.FlagSet) func(context.Context, console, []string) error {
		people := flags.BoolP("human", "n", false, "print sizes with units")
		return func(_ context.Context, c console, args []string) error {
			if len(args) != 1 {
				return errUsage
			}
			pool, err := libpmemobj.Open(args[0], "", libpmemobj.WithCopyOnWrite(), libpmemobj.WithVerify())
			if err != nil {
				return err
			}
			return errors.Join(list(c, pool, *people), pool.Close())
		}
	},
}

// list prints a line for each container, also if some of them are damaged.
func list(c console, pool *libpmemobj.Pool, people bool) error {
	var (
		all     []directory.Entry
		damaged error
	)
	for e, err := range directory.List(pool) {
		switch {
		case err != nil && e.Off == 0:
			return err
		case err != nil:
			fmt.Fprintf(c.err, "damaged: %q: %v\n", e.Name, err)
			damaged = errSilent
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b directory.Entry) int { return cmp.Compare(a.Name, b.Name) })

	rows := [][]string{{"NAME", "KIND", "VERSION", "ENTRIES", "BYTES"}}
	for _, e := range all {
		bytes := number(e.Bytes)
		if people && e.Bytes >= 0 {
			bytes = human(uint64(e.Bytes))
		}
		rows = append(rows, []string{
			printable(e.Name), printable(e.Kind.Name + e.Kind.Types),
			fmt.Sprint(e.Kind.Version), number(e.Entries), bytes,
		})
	}
	return errors.Join(table(c.out, rows), damaged)
}

// table prints columns side by side: two of words, which begin below one
// another, and others of numbers, which end so.
func table(w io.Writer, rows [][]string) error {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, text := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, text := range row {
			width := widths[i]
			if i < 2 {
				width = -width
			}
			cells[i] = fmt.Sprintf("%*s", width, text)
		}
		if _, err := fmt.Fprintln(w, strings.Join(cells, "  ")); err != nil {
			return err
		}
	}
	return nil
}

// number is a count, or a dash where it is not known.
func number(n int64) string {
	if n < 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

// printable shows a name that may hold any bytes.
func printable(s string) string { return strings.Trim(strconv.Quote(s), `"`) }
