package crashtest

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// Durability is what the recorded store promises, and with it what a crash can
// take away.
type Durability = cgoutil.Durability

// What a Config can ask for.
const (
	// DurabilityProcessCrash is persistent memory, played on an ordinary file:
	// a crash loses cache lines, torn at 8 bytes. It is the default.
	DurabilityProcessCrash = cgoutil.DurabilityProcessCrash

	// DurabilityMsync is an ordinary file on a disk: a crash loses pages of
	// 4 KiB, torn at sectors of 512 bytes.
	DurabilityMsync = cgoutil.DurabilityMsync
)

// Config is what a run can be told. Its zero value is a good one.
type Config struct {
	// Layout is the layout name of a libpmemobj pool, "crashtest" if empty.
	Layout string

	// Size is the size of the file in bytes. 0 is the smallest: 8 MiB for
	// libpmemobj, 2 MiB for libpmemlog, 16 MiB and 8 KiB for libpmemblk,
	// 64 KiB for a mapping.
	Size int64

	// BlockSize is that of a libpmemblk pool, in bytes; 512 if 0.
	BlockSize int

	// Durability is DurabilityProcessCrash if 0.
	Durability Durability

	// Options are what a libpmemobj pool is opened with to be recorded, instead
	// of its Durability: libpmemobj/journal.With for example. Images are opened
	// without them.
	Options []libpmemobj.Option

	// Seed decides which images are taken where there are too many. The same
	// seed takes the same images of the same recording.
	// The flag -crashtest.seed overrides it.
	Seed uint64

	// Images is how many images are checked at most; 0 is 2000, or 200 under
	// go test -short. The flag -crashtest.images overrides it.
	Images int

	// Time is how long images are checked at most; 0 sets no limit.
	Time time.Duration

	// PerPoint is how many images are checked at one crash point at most,
	// beside the simple ones such as "nothing is lost"; 0 is 32.
	PerPoint int

	// AllSubsets is how many lines in flight there may be for every subset of
	// them to be taken; 0 is 4.
	AllSubsets int

	// WholeLines says that a line is never torn.
	WholeLines bool

	// Workers is how many processes check images; 0 is one for each CPU.
	Workers int

	// Dir is the folder in which the pool and the images are put, in a folder
	// of their own that is removed in the end. If empty it is /dev/shm, or
	// what os.TempDir gives if that can't be written to.
	Dir string

	// Timeout is how long one check may take; 0 is 30 seconds.
	Timeout time.Duration

	// Warnings says what to do with warnings.
	Warnings Warnings
}

// Warnings says what a run does with its warnings.
type Warnings int

// What Config.Warnings can be.
const (
	Log    Warnings = iota // log them
	Fail                   // fail the test
	Ignore                 // don't look for any
)

// Defaults of a Config.
const (
	defaultImages     = 2000
	defaultShort      = 200
	defaultPerPoint   = 32
	defaultAllSubsets = 4
	defaultTimeout    = 30 * time.Second
	defaultLayout     = "crashtest"
	defaultBlockSize  = 512
)

// complete fills in what is left open, and what flags say otherwise.
func (c Config) complete(k *kind) (Config, error) {
	if c.Layout == "" {
		c.Layout = defaultLayout
	}
	if c.Size == 0 {
		c.Size = k.minSize
	}
	if c.BlockSize == 0 {
		c.BlockSize = defaultBlockSize
	}
	if c.Durability == 0 || c.Durability == cgoutil.DurabilityNone {
		c.Durability = DurabilityProcessCrash
	}
	if *flagSeed != 0 {
		c.Seed = *flagSeed
	}
	if c.Images == 0 {
		c.Images = defaultImages
		if testing.Testing() && testing.Short() {
			c.Images = defaultShort
		}
	}
	if *flagImages != 0 {
		c.Images = *flagImages
	}
	if c.PerPoint == 0 {
		c.PerPoint = defaultPerPoint
	}
	if c.AllSubsets == 0 {
		c.AllSubsets = defaultAllSubsets
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	return c, c.check(k)
}

func (c *Config) check(k *kind) error {
	switch {
	case len(c.Options) > 0 && k != &kindObj:
		return fmt.Errorf("Config.Options are for libpmemobj pools, not for a %s", k.name)
	case c.Durability != DurabilityProcessCrash && c.Durability != DurabilityMsync:
		return fmt.Errorf("Config.Durability is %v; it can be %v or %v", c.Durability, DurabilityProcessCrash, DurabilityMsync)
	case c.Size < k.minSize:
		return fmt.Errorf("Config.Size is %d bytes; the smallest %s has %d", c.Size, k.name, k.minSize)
	case c.BlockSize < 0, c.Images < 0, c.Time < 0, c.PerPoint < 0, c.AllSubsets < 0, c.Workers < 0, c.Timeout < 0:
		return fmt.Errorf("a number in Config is negative: %+v", *c)
	case c.Warnings < Log || c.Warnings > Ignore:
		return fmt.Errorf("Config.Warnings is %d; it can be Log, Fail or Ignore", c.Warnings)
	}
	return nil
}
