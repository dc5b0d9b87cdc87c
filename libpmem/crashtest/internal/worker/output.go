package worker

import (
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// keep is how much of the beginning and of the end of a worker's output is
// kept, in bytes each. A crash tells its reason first.
const keep = 8 << 10

// output is what a process has written, its middle left out.
type output struct {
	pipe syscall.RawConn
	also io.Writer
	done chan struct{} // closed at its end

	lock   sync.Mutex // held while the pipe is read
	buffer []byte
	head   []byte
	tail   []byte
	lost   int
}

// collect reads from r until its end, and passes everything on to also.
func collect(r *os.File, also io.Writer) (*output, error) {
	pipe, err := r.SyscallConn()
	if err != nil {
		return nil, err
	}
	o := &output{pipe: pipe, also: also, done: make(chan struct{}), buffer: make([]byte, 4<<10)}
	go func() {
		defer close(o.done)
		defer r.Close()
		for more := true; more; {
			err := pipe.Read(func(fd uintptr) bool {
				var ready bool
				more, ready = o.read(fd)
				return ready
			})
			more = more && err == nil
		}
	}()
	return o, nil
}

// read takes in what there is. Nothing more comes unless more is set.
func (o *output) read(fd uintptr) (more, ready bool) {
	o.lock.Lock()
	defer o.lock.Unlock()
	n, err := unix.Read(int(fd), o.buffer)
	switch {
	case n > 0:
		o.add(o.buffer[:n])
	case err == unix.EAGAIN:
		return true, false
	case err != unix.EINTR:
		return false, true
	}
	return true, true
}

func (o *output) add(b []byte) {
	if o.also != nil {
		_, _ = o.also.Write(b)
	}
	n := min(keep-len(o.head), len(b))
	o.head = append(o.head, b[:n]...)
	o.tail = append(o.tail, b[n:]...)
	if over := len(o.tail) - keep; over > 0 {
		o.lost += over
		o.tail = append(o.tail[:0], o.tail[over:]...)
	}
}

// reset forgets what was written so far.
func (o *output) reset() {
	_ = o.pipe.Control(func(fd uintptr) {
		for more, ready := true, true; more && ready; {
			more, ready = o.read(fd)
		}
	})
	o.lock.Lock()
	defer o.lock.Unlock()
	o.head, o.tail, o.lost = o.head[:0], o.tail[:0], 0
}

func (o *output) String() string {
	o.lock.Lock()
	defer o.lock.Unlock()
	if o.lost == 0 {
		return string(o.head) + string(o.tail)
	}
	return fmt.Sprintf("%s\n… %d bytes left out …\n%s", o.head, o.lost, o.tail)
}
