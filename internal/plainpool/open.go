package plainpool

import (
	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// files are those of a pool: a *poolsource.Source, or a *poolsource.New.
type files interface {
	RequireNDCTL() error
	Prepare(cgoutil.Durability) (cgoutil.Durability, error)
}

// prepare makes files ready for C, and finds what they give.
func (o *Options) prepare(f files) (cgoutil.Durability, error) {
	if !o.WithoutNDCTL {
		if err := f.RequireNDCTL(); err != nil {
			return 0, err
		}
	}
	if o.CopyOnWrite {
		return cgoutil.DurabilityNone, nil
	}
	return f.Prepare(o.Durability)
}

// Open opens the pool at path, whose files were opened and checked before. See
// Call for enter.
func Open[P Pool](op, path string, o *Options, f files, enter func(*Call) P) (none P, err error) {
	d, err := o.prepare(f)
	if err != nil {
		return none, err
	}
	place, err := cgoutil.CheckPath(op, path)
	if err != nil {
		return none, err
	}
	return do(op, path, &Call{Place: place, Settings: o.settings(), durability: d}, enter)
}

// Check asks C for its opinion of the pool at path. check calls C, which
// returns a negative number if it has none, and 0 if the pool is not sound.
func Check(op, path string, check func(place []byte, st *cgoutil.Status) int) (sound bool, err error) {
	place, err := cgoutil.CheckPath(op, path)
	if err != nil {
		return false, err
	}
	var st cgoutil.Status
	poolfile.Enter()
	answer := check(place, &st)
	poolfile.Leave()
	if answer < 0 {
		return false, st.Err(op, path)
	}
	return answer != 0, nil
}
