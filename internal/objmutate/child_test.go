package objmutate

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pmem/pmdk-go/internal/objheap"
	"github.com/pmem/pmdk-go/internal/objmutate/cpool"
	"github.com/pmem/pmdk-go/internal/testchild"
)

func TestMain(m *testing.M) {
	os.Setenv("PMEM_IS_PMEM_FORCE", "1") // nothing here is about power loss
	testchild.Main()
	os.Exit(m.Run())
}

func init() {
	testchild.Register("fill", func(args []string) error {
		n, err := numbers(args[1:])
		if err != nil {
			return err
		}
		p, err := cpool.Create(args[0], n[0])
		if err != nil {
			return err
		}
		p.Fill(uint32(n[1]), int(n[2]), true)
		if open := int(n[3]); open > 0 {
			p.LeaveOpen(open)
			fmt.Println("open")
			testchild.Wait()
		}
		p.Close()
		return nil
	})
	testchild.Register("churn", func(args []string) error {
		n, err := numbers(args[1:])
		if err != nil {
			return err
		}
		p, err := cpool.Open(args[0], n[0])
		if err != nil {
			return err
		}
		fmt.Println("churning")
		p.Churn(uint32(n[1]))
		return nil
	})
	testchild.Register("mutants", func(args []string) error {
		n, err := numbers(args[2:6])
		if err != nil {
			return err
		}
		return mutants(args[0], args[1], n[0], n[1], n[2], n[3], args[6] == "unguarded")
	})
}

func numbers(args []string) (n []uint64, err error) {
	for _, a := range args {
		v, e := strconv.ParseUint(a, 10, 64)
		n, err = append(n, v), errors.Join(err, e)
	}
	return n, err
}

// start starts a child that says little when it dies of what C does.
func start(t *testing.T, name string, args ...string) *testchild.Child {
	t.Helper()
	quiet := func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "GOTRACEBACK=none") }
	return testchild.StartWith(t, quiet, name, args...)
}

// mutants tries the images first, first+step, … below last. It says before each
// what it is about to do, for the parent to know what killed it.
func mutants(base, dir string, seed, first, step, last uint64, unguarded bool) error {
	b, err := os.ReadFile(base)
	if err != nil {
		return err
	}
	img := survey(filepath.Base(base), b)
	path := filepath.Join(dir, fmt.Sprintf("mutant-%s-%d", img.name, first%step))
	defer os.Remove(path)
	var buf []byte
	for i := first; i < last; i += step {
		m := img.mutate(seed, i, buf)
		if cap(m.bytes) > cap(buf) {
			buf = m.bytes
		}
		if err := os.WriteFile(path, m.bytes, 0o600); err != nil {
			return err
		}
		fmt.Printf("check\t%d\t%s\t%s\n", i, m.region, m.how)
		outcome := "cheap"
		cheap, deep, err := judge(path)
		if err != nil {
			return err
		}
		switch {
		case cheap == nil && deep != nil:
			outcome = "verify"
		case cheap == nil:
			outcome = "both"
		}
		fmt.Printf("judged\t%d\t%s\t%s\n", i, outcome, oneLine(errors.Join(cheap, deep)))
		switch {
		case outcome == "both" || outcome == "verify" && unguarded:
			fmt.Printf("used\t%d\t%s\n", i, oneLine(cpool.Use(path)))
		case outcome == "verify":
			// The cheap check is enough for opening and closing.
			p, err := cpool.Open(path, uint64(len(m.bytes)))
			if err == nil {
				p.Close()
			}
			fmt.Printf("opened\t%d\t%s\n", i, oneLine(err))
		}
	}
	return nil
}

// judge asks the two checks about the file.
func judge(path string) (cheap, deep, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	_, cheap = objheap.CheckFile(f)
	_, deep = objheap.VerifyFile(f)
	for _, err := range []error{cheap, deep} {
		var c *objheap.Corrupt
		if err != nil && !errors.As(err, &c) {
			return nil, nil, fmt.Errorf("not a verdict: %w", err)
		}
	}
	if cheap != nil && deep == nil {
		return nil, nil, fmt.Errorf("refused by the cheap check alone: %w", cheap)
	}
	return cheap, deep, nil
}

func oneLine(err error) string {
	if err == nil {
		return "-"
	}
	return strings.ReplaceAll(err.Error(), "\n", " | ")
}

// result is what became of one image.
type result struct {
	nth     uint64
	region  string
	how     string
	verdict string // "cheap" or "verify": refused by; "both": accepted
	reason  string
	end     string // "fine", "error", "signal …" or "hang", if C was asked
}

// patience is how long one image may take, on a machine that is busy.
const patience = 30 * time.Second

// runMutants tries images in one child after the other: one that dies or hangs
// is noted, and the next continues behind it.
func runMutants(t *testing.T, base, dir string, seed, first, step, last uint64, unguarded bool, patience time.Duration) ([]result, error) {
	var all []result
	mode := "guarded"
	if unguarded {
		mode = "unguarded"
	}
	for first < last {
		c := start(t, "mutants", base, dir, strconv.FormatUint(seed, 10), strconv.FormatUint(first, 10),
			strconv.FormatUint(step, 10), strconv.FormatUint(last, 10), mode)
		got, finished, err := watch(c, patience)
		all = append(all, got...)
		if err != nil {
			return all, err
		}
		if finished {
			return all, nil
		}
		if len(got) == 0 {
			return all, fmt.Errorf("a child died before its first image")
		}
		first = got[len(got)-1].nth + step
	}
	return all, nil
}

// watch reads a child's lines. finished is false if it died or hung, as its
// last result then says.
func watch(c *testchild.Child, patience time.Duration) (got []result, finished bool, err error) {
	hung := false
	for open := true; open; {
		var l string
		select {
		case l, open = <-c.Lines():
			if open {
				got = note(got, l)
			}
		case <-time.After(patience):
			hung = true
			_ = c.Process().Kill()
			for range c.Lines() {
			}
			open = false
		}
	}
	err = c.End()
	if err == nil {
		return got, true, nil
	}
	if len(got) == 0 || strings.Contains(c.Stderr(), "not a verdict") || strings.Contains(c.Stderr(), "cheap check alone") {
		return got, false, fmt.Errorf("child: %w: %s", err, c.Stderr())
	}
	last := &got[len(got)-1]
	last.end = "signal: " + died(c.Stderr(), err)
	if hung {
		last.end = "hang"
	}
	return got, false, nil
}

// died names what killed a child.
func died(stderr string, err error) string {
	for _, sig := range []string{"SIGSEGV", "SIGBUS", "SIGFPE", "SIGABRT", "SIGILL"} {
		if strings.Contains(stderr, sig) {
			return sig
		}
	}
	return err.Error() + " " + stderr[:min(len(stderr), 300)]
}

// note takes in one line of a child.
func note(got []result, l string) []result {
	f := strings.Split(l, "\t")
	if len(f) < 3 {
		return got
	}
	nth, err := strconv.ParseUint(f[1], 10, 64)
	if err != nil {
		return got
	}
	switch f[0] {
	case "check":
		return append(got, result{nth: nth, region: f[2], how: f[3]})
	case "judged":
		last := &got[len(got)-1]
		last.verdict, last.reason = f[2], f[3]
	case "used":
		last := &got[len(got)-1]
		last.end = "fine"
		if f[2] != "-" {
			last.end, last.reason = "error", f[2]
		}
	}
	return got
}
