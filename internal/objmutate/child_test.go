package objmutate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pmem/pmdk-go/internal/objheap"
	"github.com/pmem/pmdk-go/internal/objmutate/cpool"
)

// The test binary is its own child: this variable says what to be.
const childEnv = "OBJMUTATE_CHILD"

func TestMain(m *testing.M) {
	os.Setenv("PMEM_IS_PMEM_FORCE", "1") // nothing here is about power loss
	if args := os.Getenv(childEnv); args != "" {
		child(strings.Split(args, "\n"))
		return
	}
	os.Exit(m.Run())
}

// child does what its arguments say, and dies of what kills it.
func child(args []string) {
	num := func(i int) uint64 {
		n, err := strconv.ParseUint(args[i], 10, 64)
		check(err)
		return n
	}
	switch args[0] {
	case "fill":
		p, err := cpool.Create(args[1], num(2))
		check(err)
		p.Fill(uint32(num(3)), int(num(4)), true)
		if open := int(num(5)); open > 0 {
			p.LeaveOpen(open)
			fmt.Println("open")
			select {}
		}
		p.Close()
	case "churn":
		p, err := cpool.Open(args[1], num(2))
		check(err)
		fmt.Println("churning")
		p.Churn(uint32(num(3)))
	case "mutants":
		mutants(args[1], args[2], num(3), num(4), num(5), num(6), args[7] == "unguarded")
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

// self runs the test binary as a child.
func self(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+strings.Join(args, "\n"), "GOTRACEBACK=none")
	return cmd
}

// mutants tries the images first, first+step, … below last. It says before each
// what it is about to do, for the parent to know what killed it.
func mutants(base, dir string, seed, first, step, last uint64, unguarded bool) {
	b, err := os.ReadFile(base)
	check(err)
	img := survey(filepath.Base(base), b)
	path := filepath.Join(dir, fmt.Sprintf("mutant-%s-%d", img.name, first%step))
	defer os.Remove(path)
	var buf []byte
	for i := first; i < last; i += step {
		m := img.mutate(seed, i, buf)
		if cap(m.bytes) > cap(buf) {
			buf = m.bytes
		}
		check(os.WriteFile(path, m.bytes, 0o600))
		fmt.Printf("check\t%d\t%s\t%s\n", i, m.region, m.how)
		outcome := "cheap"
		cheap, deep := judge(path)
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
}

// judge asks the two checks about the file.
func judge(path string) (cheap, deep error) {
	f, err := os.Open(path)
	check(err)
	defer f.Close()
	_, cheap = objheap.CheckFile(f)
	_, deep = objheap.VerifyFile(f)
	for _, err := range []error{cheap, deep} {
		var c *objheap.Corrupt
		if err != nil && !errors.As(err, &c) {
			check(fmt.Errorf("not a verdict: %w", err))
		}
	}
	if cheap != nil && deep == nil {
		check(fmt.Errorf("refused by the cheap check alone: %w", cheap))
	}
	return cheap, deep
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
func runMutants(base, dir string, seed, first, step, last uint64, unguarded bool, patience time.Duration) ([]result, error) {
	var all []result
	mode := "guarded"
	if unguarded {
		mode = "unguarded"
	}
	for first < last {
		cmd := self("mutants", base, dir, strconv.FormatUint(seed, 10), strconv.FormatUint(first, 10),
			strconv.FormatUint(step, 10), strconv.FormatUint(last, 10), mode)
		got, finished, err := watch(cmd, patience)
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
func watch(cmd *exec.Cmd, patience time.Duration) (got []result, finished bool, err error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, false, err
	}
	if err := cmd.Start(); err != nil {
		return nil, false, err
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for r := bufio.NewReader(out); ; {
			l, err := r.ReadString('\n')
			if err != nil {
				if err != io.EOF {
					fmt.Fprintln(os.Stderr, err)
				}
				return
			}
			lines <- strings.TrimSuffix(l, "\n")
		}
	}()
	hung := false
	for open := true; open; {
		var l string
		select {
		case l, open = <-lines:
			if open {
				got = note(got, l)
			}
		case <-time.After(patience):
			hung = true
			cmd.Process.Kill()
			for range lines {
			}
			open = false
		}
	}
	err = cmd.Wait()
	if err == nil {
		return got, true, nil
	}
	if len(got) == 0 || strings.Contains(stderr.String(), "not a verdict") || strings.Contains(stderr.String(), "cheap check alone") {
		return got, false, fmt.Errorf("child: %w: %s", err, stderr.String())
	}
	last := &got[len(got)-1]
	last.end = "signal: " + died(stderr.String(), err)
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
