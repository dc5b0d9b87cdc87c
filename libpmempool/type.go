package libpmempool

// #include "shim.h"
import "C"

import (
	"fmt"

	"github.com/pmem/pmdk-go/internal/poolheader"
)

// Type is what kind of pool a file is.
type Type int

// The types of pools. TypeDetect stands for what the pool's header says, and
// where there is none that says something, for not known.
const (
	TypeDetect Type = C.PMEMPOOL_POOL_TYPE_DETECT
	TypeLog    Type = C.PMEMPOOL_POOL_TYPE_LOG
	TypeBlk    Type = C.PMEMPOOL_POOL_TYPE_BLK
	TypeObj    Type = C.PMEMPOOL_POOL_TYPE_OBJ
	TypeBTT    Type = C.PMEMPOOL_POOL_TYPE_BTT // a bare block translation table
)

// String is the name that PMDK's tools use: log, blk, obj or btt.
func (t Type) String() string {
	names := [...]string{TypeDetect: "unknown", TypeLog: "log", TypeBlk: "blk", TypeObj: "obj", TypeBTT: "btt"}
	if t < 0 || int(t) >= len(names) {
		return fmt.Sprintf("Type(%d)", int(t))
	}
	return names[t]
}

// ParseType reads a name that String gives, other than "unknown".
func ParseType(name string) (Type, error) {
	for t := TypeLog; t <= TypeBTT; t++ {
		if t.String() == name {
			return t, nil
		}
	}
	return 0, badArgument("parse type", "", "%q is none of log, blk, obj, btt", name)
}

func typeOf(k poolheader.Kind) Type {
	switch k {
	case poolheader.Log:
		return TypeLog
	case poolheader.Blk:
		return TypeBlk
	case poolheader.Obj:
		return TypeObj
	}
	return TypeDetect
}
