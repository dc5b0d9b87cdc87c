package objheap

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/poolfile"
)

// CheckFile looks at the file of a pool before the C library sees it: its size,
// headers, logs and chunk headers, and the header of each run. What would make
// libpmemobj fault is a *Corrupt error; other errors are those of reading.
//
// The pool must not be open: one that another process or handle holds is
// reported as unix.EAGAIN, as libpmemobj does, because its file is changing.
//
// A pool set file is not looked at further (Info.IsSet), nor is a device
// (Info.IsDevice), a file that is one of several parts (Info.Part), or one with
// features that libpmemobj will refuse (Info.UnknownIncompat).
func CheckFile(f *os.File) (Info, error) {
	return onFile(f, Check)
}

// VerifyFile does what CheckFile does, and looks at every bitmap and object
// header as well. It reads the part of the file that is in use.
func VerifyFile(f *os.File) (Info, error) {
	return onFile(f, Verify)
}

func onFile(f *os.File, check func(io.ReaderAt, int64) (Info, error)) (Info, error) {
	st, err := f.Stat()
	if err != nil {
		return Info{}, err
	}
	switch mode := st.Mode(); {
	case mode.IsRegular():
	case mode.IsDir():
		return Info{}, &os.PathError{Op: "check", Path: f.Name(), Err: unix.EISDIR}
	case mode&os.ModeCharDevice != 0:
		return Info{IsDevice: true}, nil
	default:
		return Info{}, corrupt("file", 0, "neither a regular file nor a device")
	}
	if err := poolfile.NotInUse(f); err != nil {
		return Info{}, err
	}
	return check(f, st.Size())
}

// Check is CheckFile for a pool of size bytes that r reads.
func Check(r io.ReaderAt, size int64) (Info, error) {
	return check(newImage(r, size), false)
}

// Verify is VerifyFile for a pool of size bytes that r reads.
func Verify(r io.ReaderAt, size int64) (Info, error) {
	return check(newImage(r, size), true)
}

// CheckSet is Check for a pool of several files: r reads its parts as they are
// mapped, one after the other, without the headers of the later ones.
func CheckSet(r io.ReaderAt, size int64) (Info, error) {
	im := newImage(r, size)
	im.whole = true
	return check(im, false)
}

// VerifySet is Verify for a pool of several files.
func VerifySet(r io.ReaderAt, size int64) (Info, error) {
	im := newImage(r, size)
	im.whole = true
	return check(im, true)
}

// CheckReplica looks at the headers of a copy of a pool, which nothing but
// those is read of.
func CheckReplica(r io.ReaderAt, size int64) (Info, error) {
	var info Info
	im := newImage(r, size)
	im.whole = true
	if stop, err := im.checkHeader(&info); stop || err != nil {
		return info, err
	}
	return info, im.checkDescriptor(&info)
}

// CheckPart looks at the header of a part of size bytes.
func CheckPart(r io.ReaderAt, size int64) (Info, error) {
	var info Info
	_, err := newImage(r, size).checkHeader(&info)
	return info, err
}

func check(im *image, deep bool) (Info, error) {
	var info Info
	if stop, err := im.checkHeader(&info); stop || err != nil {
		return info, err
	}
	if err := im.checkDescriptor(&info); err != nil {
		return info, err
	}
	if err := im.recover(deep); err != nil {
		return info, err
	}
	info.CutLogs = im.cutLogs
	visit := func(block) error { return nil }
	if deep {
		v := &verifier{im: im}
		visit = v.block
	}
	if err := im.walk(visit); err != nil {
		return info, err
	}
	if err := im.checkRoot(&info); err != nil {
		return info, err
	}
	return info, nil
}
