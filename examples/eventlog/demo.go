package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// demo runs writers and a follower in a child, kills it at a random moment,
// looks whether all that was acknowledged is in the log, and starts again with
// the same log.
func (c config) demo(out io.Writer) error {
	seen := progress{appended: counts{}, followed: counts{}}
	for kill := range c.kills {
		if err := c.killOne(&seen); err != nil {
			return err
		}
		records, err := c.open()
		if err != nil {
			return fmt.Errorf("after kill %d: %w", kill+1, err)
		}
		there, bytes, err := count(records)
		if err = errors.Join(err, records.Log().Close()); err != nil {
			return fmt.Errorf("after kill %d: %w", kill+1, err)
		}
		if err := seen.missing(there); err != nil {
			return fmt.Errorf("after kill %d: %w", kill+1, err)
		}
		total, more := 0, 0
		for w, n := range there {
			total += n
			more += n - seen.appended[w]
		}
		fmt.Fprintf(out, "kill %d: all %d acknowledged events are there, and %d more; %d bytes\n", kill+1, total-more, more, bytes)
		// Whatever is there now, the next child must keep.
		seen.appended, seen.followed = there, there.clone()
	}
	return nil
}

// progress is what children have printed.
type progress struct{ appended, followed counts }

// note takes in a line of a child's.
func (p *progress) note(line string) error {
	var what string
	var writer, number int
	if _, err := fmt.Sscan(line, &what, &writer, &number); err != nil {
		return fmt.Errorf("%q: %w", line, err)
	}
	c := p.appended
	if what == "followed" {
		c = p.followed
	}
	return c.add(event{Writer: writer, Number: number})
}

// missing says which events are not there although somebody was told so.
func (p *progress) missing(there counts) error {
	for w, n := range p.appended {
		if there[w] < n || there[w] > n+1 {
			return fmt.Errorf("%d events of writer %d were acknowledged, %d are there", n, w, there[w])
		}
	}
	for w, n := range p.followed {
		if there[w] < n {
			return fmt.Errorf("%d events of writer %d were read, %d are there", n, w, there[w])
		}
	}
	return nil
}

// killOne runs a child, and kills it some time after its first event.
func (c config) killOne(seen *progress) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.Command(self, "-log", c.path, "-writers", strconv.Itoa(c.writers), "-durability", c.durability, "run")
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var complaints strings.Builder
	child.Stderr = &complaints
	stdout, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(stdout)
	var noted error
	for first := true; lines.Scan(); first = false {
		if first {
			time.AfterFunc(rand.N(100*time.Millisecond), func() { _ = child.Process.Kill() })
		}
		if noted == nil {
			noted = seen.note(lines.Text())
		}
	}
	err = child.Wait()
	if status, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		return fmt.Errorf("the child was to be killed, but ended by itself: %v %s", err, &complaints)
	}
	return errors.Join(noted, lines.Err())
}
