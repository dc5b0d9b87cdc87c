package plainpool

import (
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolsource"
)

// Options are those that all such pools have. The packages' functions
// WithSize, WithMode and so on, which set them, say what they mean.
type Options struct {
	Size          int64
	SizeSet       bool
	Mode          fs.FileMode
	ModeSet       bool
	Durability    cgoutil.Durability
	CopyOnWrite   bool
	Prefault      bool
	ShutdownState *bool
	WithoutNDCTL  bool
}

// Defaults are the options of a call without any, for files of size bytes.
func Defaults(size int64) Options { return Options{Size: size, Mode: 0o600} }

// Check checks each value by itself, and the path.
func (o *Options) Check(op, path string, kind poolsource.Kind) error {
	switch {
	case o.SizeSet && o.Size < kind.MinPool:
		return BadArgument(op, path, "WithSize(%d): a %s's file has at least %d bytes (MinPool)", o.Size, kind.Noun, kind.MinPool)
	case o.Mode&^fs.ModePerm != 0:
		return BadArgument(op, path, "WithMode(%v): only permission bits can be set", o.Mode)
	case !o.Durability.Askable():
		return BadArgument(op, path, "WithDurability(%d): not a durability that can be asked for", int(o.Durability))
	}
	_, err := cgoutil.CheckPath(op, path)
	return err
}

// ForOpen fails if one of the options means nothing to Open.
func (o *Options) ForOpen(op, path string) error {
	if err := Refuse(op, path, o.SizeSet, "WithSize"); err != nil {
		return err
	}
	if err := Refuse(op, path, o.ModeSet, "WithMode"); err != nil {
		return err
	}
	return Refuse(op, path, o.ShutdownState != nil, "WithShutdownState")
}

// ForCreate fails if one of the options means nothing to Create.
func (o *Options) ForCreate(op, path string) error {
	return Refuse(op, path, o.CopyOnWrite, "WithCopyOnWrite")
}

// Refuse reports an option that means nothing to op.
func Refuse(op, path string, when bool, option string) error {
	if !when {
		return nil
	}
	return &cgoutil.Error{Op: op, Path: path, Msg: fmt.Sprintf("option %s has no meaning here", option)}
}

// BadArgument is the error of an argument that cannot be.
func BadArgument(op, path, format string, args ...any) error {
	return &cgoutil.Error{Op: op, Path: path, Errno: unix.EINVAL, Msg: fmt.Sprintf(format, args...)}
}
