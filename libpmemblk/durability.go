package libpmemblk

import "github.com/pmem/pmdk-go/cgoutil"

// Durability says what a write survives once it has returned, and by what
// means; see [cgoutil.Durability].
type Durability = cgoutil.Durability

// What a pool can be asked for, and what it then reports. DurabilityAuto is
// DurabilityDAX where the file allows it and DurabilityMsync elsewhere.
const (
	DurabilityAuto         = cgoutil.DurabilityAuto
	DurabilityDAX          = cgoutil.DurabilityDAX
	DurabilityMsync        = cgoutil.DurabilityMsync
	DurabilityProcessCrash = cgoutil.DurabilityProcessCrash
	DurabilityNone         = cgoutil.DurabilityNone
)

// ParseDurability reads a name that Durability's String gives, other than
// "none".
func ParseDurability(name string) (Durability, error) { return cgoutil.ParseDurability(name) }
