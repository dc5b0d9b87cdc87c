package cmap

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Kind is a kind of map.
type Kind string

// The kinds.
const (
	HashmapTx Kind = "hashmap_tx" // chained buckets that double
	Btree     Kind = "btree"      // nodes of seven items
)

// Value is what belongs to a key: 64 bytes.
type Value [8]uint64

// Key is the key with this number: random, but always the same.
func Key(number int) uint64 {
	z := (uint64(number) + 1) * 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// ValueOf is the value that belongs to a key.
func ValueOf(key uint64) (v Value) {
	for i := range v {
		v[i] = key + uint64(i)
	}
	return v
}

// Sum adds up the words of a value.
func (v *Value) Sum() (sum uint64) {
	for _, w := range v {
		sum += w
	}
	return sum
}

// Order is an order in which to get or remove the keys 0 to Total-1: position
// i has key number i*Step modulo Total. Step has no divisor in common with
// Total, so that every key has its turn. [Shuffled] chooses one.
type Order struct {
	Step, Total int
}

// Shuffled is an order of total keys that is not the one of their insertion,
// in which what was allocated together is visited together.
func Shuffled(total int) Order {
	step := int(float64(total)*0.6180339887) | 1
	for divisor(step, total) != 1 {
		step += 2
	}
	return Order{step, total}
}

// At is the number of the key at a position.
func (o Order) At(position int) int {
	return int(uint64(position) * uint64(o.Step) % uint64(o.Total))
}

func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Map is a map in a C process of its own, alone in its pool. It may be used by
// one goroutine at a time.
type Map struct {
	dir       string
	cmd       *exec.Cmd
	in        io.WriteCloser
	out       *bufio.Reader
	complains bytes.Buffer
	processor time.Duration
}

// New makes a pool of size bytes with an empty map, flushed as if it were
// persistent memory, in a new folder inside parent, which should lie in
// memory. Close removes it.
func New(kind Kind, parent string, size int64) (*Map, error) {
	dir, err := os.MkdirTemp(parent, "cmap-")
	if err != nil {
		return nil, err
	}
	m := &Map{dir: dir}
	if err := m.start(kind, size); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *Map) start(kind Kind, size int64) error {
	program, err := build(m.dir)
	if err != nil {
		return err
	}
	cmd := exec.Command(program, string(kind), filepath.Join(m.dir, "pool"), fmt.Sprint(size))
	cmd.Env = append(os.Environ(), "PMEM_IS_PMEM_FORCE=1")
	cmd.Stderr = &m.complains
	if m.in, err = cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	m.out = bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		return err
	}
	m.cmd = cmd
	line, err := m.out.ReadString('\n')
	if err == nil && line != "ready\n" {
		err = errors.New("that is not \"ready\"")
	}
	if err != nil {
		return m.failed("start", fmt.Errorf("it is not ready, but says %q: %w", line, err))
	}
	return nil
}

// Insert inserts the keys with the numbers first, first+1, … with their values,
// each in a transaction, and returns how long all took.
func (m *Map) Insert(first, count int) (time.Duration, error) {
	took, _, err := m.do("insert %d %d", first, count)
	return took, err
}

// Get gets the values of the keys at some positions of an order, and returns
// how long all took and the sum of all words. They must be there.
func (m *Map) Get(o Order, first, count int) (took time.Duration, sum uint64, err error) {
	return m.do("get %d %d %d %d", first, count, o.Step, o.Total)
}

// Remove removes the keys at some positions of an order, each in a transaction,
// and returns how long all took. They must be there.
func (m *Map) Remove(o Order, first, count int) (time.Duration, error) {
	took, _, err := m.do("remove %d %d %d %d", first, count, o.Step, o.Total)
	return took, err
}

// Used is how many bytes of the pool are allocated.
func (m *Map) Used() (bytes uint64, err error) {
	_, bytes, err = m.do("used")
	return bytes, err
}

// Processor is how long the last command had the processor, which on a busy
// machine is less than it took.
func (m *Map) Processor() time.Duration { return m.processor }

func (m *Map) do(format string, args ...any) (took time.Duration, sum uint64, err error) {
	command := fmt.Sprintf(format, args...)
	if _, err := fmt.Fprintln(m.in, command); err != nil {
		return 0, 0, m.failed(command, err)
	}
	line, err := m.out.ReadString('\n')
	if err != nil {
		return 0, 0, m.failed(command, err)
	}
	if _, err := fmt.Sscan(line, &took, &m.processor, &sum); err != nil {
		return 0, 0, m.failed(command, fmt.Errorf("answer %q: %w", line, err))
	}
	return took, sum, nil
}

// failed ends the process, to have all its complaints.
func (m *Map) failed(command string, err error) error {
	m.stop()
	return fmt.Errorf("C map, %q: %w; %s", command, err, strings.TrimSpace(m.complains.String()))
}

func (m *Map) stop() {
	if m.cmd == nil {
		return
	}
	m.in.Close()
	m.cmd.Process.Kill()
	m.cmd.Wait()
	m.cmd = nil
}

// Close ends the process and removes the pool.
func (m *Map) Close() error {
	m.stop()
	return os.RemoveAll(m.dir)
}
