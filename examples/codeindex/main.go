// Codeindex is a search index of Go source code that lives in persistent
// memory: every identifier, and the files and lines where it stands.
//
//	codeindex demo           index the standard library, be killed half-way, go on
//	codeindex index DIR      bring the index up to date with the files below DIR
//	codeindex query WORD     print where WORD stands
//	codeindex stats          count what is in the pool
//	codeindex verify         prove that the pool holds a sound index
//
// Start reading at internal/index/doc.go; README.md has the story.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := newApp(os.Stdout, os.Stderr).Run(ctx, os.Args)
	switch {
	case err == nil:
		return
	case errors.Is(err, errNoHits): // which has been said already
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "codeindex: interrupted; what was committed is kept")
	default:
		fmt.Fprintln(os.Stderr, "codeindex:", err)
	}
	os.Exit(1)
}
