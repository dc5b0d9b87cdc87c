package index

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/source"
	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// indexModel is the files that are indexed, and under which number.
type indexModel struct {
	Files map[string]indexedFile
	Next  uint32
}

type indexedFile struct {
	ID      uint32
	ModTime int64 // what the file holds follows from it
}

// terms are those of a version of a file.
func (f indexedFile) terms() (terms []source.Term) {
	rnd := rand.New(rand.NewPCG(uint64(f.ModTime), 0))
	for i := range 1 + rnd.IntN(30) {
		t := source.Term{Name: fmt.Sprintf("name%02d", 3*i+rnd.IntN(3))}
		for line := range 1 + rnd.Uint32N(4) {
			t.Lines = append(t.Lines, 1+10*line+rnd.Uint32N(10))
		}
		terms = append(terms, t)
	}
	return terms
}

// fileOp is what Apply does for one file: a new version of it, or its end.
type fileOp struct {
	Path    string
	Deleted bool
	File    indexedFile
	Old     int // the id of the version that is indexed, or -1
}

// Ensure that after a power failure, the index has every file that was
// committed, with all its terms, and no segment leaks; also in the middle of
// merging segments.
func TestCrash(t *testing.T) { runCrash(t, crashtest.Config{}) }

// Ensure the same on an ordinary file.
func TestCrashOnDisk(t *testing.T) {
	runCrash(t, crashtest.Config{Durability: libpmemobj.DurabilityMsync})
}

func runCrash(t *testing.T, c crashtest.Config) {
	t.Helper()
	c.Layout, c.Size = layout, 16<<20
	crashmodel.Run(t, c, crashmodel.Workload[*libpmemobj.Pool]{
		Actors: []crashmodel.Actor[*libpmemobj.Pool]{crashmodel.Script[*libpmemobj.Pool, indexModel, fileOp]{
			Name:  "index",
			Start: indexModel{Files: map[string]indexedFile{}},
			Steps: 60,
			Draw:  drawFile,
			Apply: func(m indexModel, o fileOp) indexModel {
				files := map[string]indexedFile{}
				for path, f := range m.Files {
					files[path] = f
				}
				delete(files, o.Path)
				if o.Deleted {
					return indexModel{files, m.Next}
				}
				files[o.Path] = o.File
				return indexModel{files, m.Next + 1}
			},
			Do:   func(p *libpmemobj.Pool, o fileOp) error { return o.do(p) },
			Read: readIndex,
		}.Actor()},
		Whole: func(p *libpmemobj.Pool) error {
			x, err := in(p)
			if err != nil {
				return err
			}
			_, err = x.Verify() // nothing leaks, and checksums are right
			return err
		},
	})
}

func drawFile(rnd *rand.Rand, m indexModel) fileOp {
	o := fileOp{Path: fmt.Sprintf("/tree/file%02d.go", rnd.IntN(40)), Old: -1}
	if old, known := m.Files[o.Path]; known {
		o.Old = int(old.ID)
		o.Deleted = rnd.IntN(3) == 0
	}
	if !o.Deleted {
		o.File = indexedFile{m.Next, rnd.Int64()}
	}
	return o
}

func (o fileOp) do(p *libpmemobj.Pool) error {
	x, err := in(p)
	if err != nil {
		return err
	}
	if o.Deleted {
		return x.delete([]uint32{uint32(o.Old)})
	}
	f, err := x.commit(source.File{Path: o.Path, Size: 1, ModTime: o.File.ModTime}, o.File.terms(), o.Old)
	if err != nil {
		return err
	}
	if f.ID != o.File.ID {
		return fmt.Errorf("the file got number %d, not %d", f.ID, o.File.ID)
	}
	return x.compact()
}

// readIndex reads the files, and asks for every term of each.
func readIndex(p *libpmemobj.Pool) (m indexModel, err error) {
	x, err := in(p)
	if err != nil {
		return m, err
	}
	view, err := x.View()
	if err != nil {
		return m, err
	}
	m.Files = map[string]indexedFile{}
	m.Next = uint32(x.files.Len())
	hits := map[string][]Hit{}
	for f := range view.Files() {
		file := indexedFile{f.ID, f.ModTime}
		m.Files[f.Path] = file
		for _, t := range file.terms() {
			for _, line := range t.Lines {
				hits[t.Name] = append(hits[t.Name], Hit{f.Path, line})
			}
		}
	}
	for name, want := range hits {
		slices.SortFunc(want, func(a, b Hit) int {
			if a.Path != b.Path {
				if a.Path < b.Path {
					return -1
				}
				return 1
			}
			return int(a.Line) - int(b.Line)
		})
		if got := view.Lookup(name); !slices.Equal(got, want) {
			return m, fmt.Errorf("%q is found at %v, it is at %v", name, got, want)
		}
	}
	return m, nil
}
