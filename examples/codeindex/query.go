package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/index"
)

// errNoHits makes the program exit with 1 when nothing was found, as grep does.
var errNoHits = errors.New("no hits")

// runQuery is `codeindex query WORD`.
func runQuery(_ context.Context, cmd *cli.Command) error {
	word, err := oneArg(cmd)
	if err != nil {
		return err
	}
	if cmd.Bool("prefix") {
		word += "*"
	}
	return withIndex(cmd, index.Open, func(x *index.Index) error {
		view, err := x.View()
		if err != nil {
			return err
		}
		a := answer{out: cmd.Root().Writer, lines: cmd.Int("n")}
		return a.query(view, word)
	})
}

// answer prints the result of a query.
type answer struct {
	out   io.Writer
	lines int    // per term; 0 means all
	terms int    // of a prefix; 0 means all
	root  string // left out of the paths if they begin with it
}

// query looks up a word, or, if it ends in an asterisk, a prefix.
func (a answer) query(view *index.View, word string) error {
	prefix, isPrefix := strings.CutSuffix(word, "*")
	if !isPrefix {
		return a.print(word, view.Lookup(word))
	}
	terms := 0
	for name, hits := range view.Prefix(prefix) {
		terms++
		if a.terms > 0 && terms > a.terms {
			continue // count on
		}
		if err := a.print(name, hits); err != nil {
			return err
		}
	}
	if terms == 0 {
		return a.print(word, nil)
	}
	fmt.Fprintf(a.out, "%s: %s\n", word, plural(terms, "term"))
	return nil
}

func (a answer) print(name string, hits []index.Hit) error {
	if len(hits) == 0 {
		fmt.Fprintf(a.out, "%s: no hits\n", name)
		return errNoHits
	}
	fmt.Fprintf(a.out, "%s: %s in %s\n", name, plural(len(hits), "line"), plural(files(hits), "file"))
	for i, hit := range hits {
		if i == a.lines && a.lines > 0 {
			fmt.Fprintf(a.out, "    … %s more\n", count(len(hits)-i))
			break
		}
		fmt.Fprintf(a.out, "    %s:%d\n", strings.TrimPrefix(hit.Path, a.root), hit.Line)
	}
	return nil
}

// files counts the different files; hits are ordered by path.
func files(hits []index.Hit) int {
	n, previous := 0, ""
	for _, hit := range hits {
		if hit.Path != previous {
			n, previous = n+1, hit.Path
		}
	}
	return n
}
