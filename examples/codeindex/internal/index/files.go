package index

import (
	"iter"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/segment"
	"github.com/pmem/pmdk-go/examples/codeindex/internal/source"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// file is what the pool knows of a version of a file, by its id. That of a file
// that was replaced or deleted is all zeros: no id is given twice, since
// segments hold it until they are merged.
type file struct {
	PathAt  uint64 // where its path begins in paths
	PathLen uint64
	Size    int64
	ModTime int64
}

func (f file) dead() bool { return f.PathLen == 0 }

// File is a file as it was when it was indexed.
type File struct {
	ID uint32
	source.File
}

// file reads the record of a file.
func (x *Index) file(id int, f file) File {
	path := make([]byte, 0, f.PathLen)
	for _, part := range x.paths.Slices(int(f.PathAt), int(f.PathAt+f.PathLen)) {
		path = append(path, part...)
	}
	return File{uint32(id), source.File{Path: string(path), Size: f.Size, ModTime: f.ModTime}}
}

// indexed walks the files that are not dead.
func (x *Index) indexed() iter.Seq[File] {
	return func(yield func(File) bool) {
		for id, f := range x.files.All() {
			if !f.dead() && !yield(x.file(id, f)) {
				return
			}
		}
	}
}

// dead collects the dead files from one id up to, but not including, another.
func (x *Index) dead(from, to int) segment.IDs {
	dead := make(segment.IDs)
	for first, files := range x.files.Slices(from, to) {
		for i, f := range files {
			if f.dead() {
				dead[uint32(first+i)] = struct{}{}
			}
		}
	}
	return dead
}

// addFile gives a file the next id. It takes the place of the one whose id is
// replaced, if that is not negative, and takes over its path.
func (x *Index) addFile(tx *libpmemobj.Tx, f source.File, replaced int) (id int, err error) {
	entry := file{PathLen: uint64(len(f.Path)), Size: f.Size, ModTime: f.ModTime}
	files := x.files.In(tx)
	if replaced >= 0 {
		old, err := files.At(replaced)
		if err != nil {
			return 0, err
		}
		entry.PathAt = old.PathAt
		if err := files.Set(replaced, file{}); err != nil {
			return 0, err
		}
		return files.Append(entry)
	}
	at, err := x.paths.In(tx).AppendAll([]byte(f.Path))
	if err != nil {
		return 0, err
	}
	entry.PathAt = uint64(at)
	return files.Append(entry)
}
