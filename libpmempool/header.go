package libpmempool

import (
	"time"

	"github.com/pmem/pmdk-go/internal/poolheader"
)

// Header is what the header of a pool's file says.
type Header struct {
	Signature string // without the zeros at its end
	Major     uint32 // version of the format
	// Features, as bits: those that do not matter to who does not know them,
	// those that forbid opening the pool, and those that forbid writing to it.
	Compat, Incompat, ROCompat uint32

	PoolSet UUID // of the pool
	UUID    UUID // of this part
	// Of its neighbours in a pool set. They form rings: where there is one part
	// or replica, it is its own neighbour.
	PrevPart, NextPart, PrevReplica, NextReplica UUID

	Created time.Time
	// About the machine that made the pool: how its compiler lays out types as a
	// code, 2 for 64 bits, 1 for little-endian, and as ELF numbers it.
	Alignment           uint64
	MachineClass, Order uint8
	Machine             uint16

	// How the pool was last closed; see FeatureShutdownState.
	UnsafeShutdowns uint64 // of the NVDIMMs, counted when it was last opened
	Dirty           bool   // open on an NVDIMM, or not closed properly there

	Checksum uint64
	Computed uint64 // what Checksum should be
}

func publicHeader(h *poolheader.Header) *Header {
	n := len(h.Signature)
	for n > 0 && h.Signature[n-1] == 0 {
		n--
	}
	return &Header{
		Signature: string(h.Signature[:n]),
		Major:     h.Major,
		Compat:    h.Compat, Incompat: h.Incompat, ROCompat: h.ROCompat,
		PoolSet: UUID(h.PoolSet), UUID: UUID(h.UUID),
		PrevPart: UUID(h.PrevPart), NextPart: UUID(h.NextPart),
		PrevReplica: UUID(h.PrevReplica), NextReplica: UUID(h.NextReplica),
		Created:   h.Created,
		Alignment: h.Alignment, MachineClass: h.MachineClass, Order: h.Data, Machine: h.Machine,
		UnsafeShutdowns: h.Shutdown.Count, Dirty: h.Shutdown.Dirty,
		Checksum: h.Checksum, Computed: h.Computed,
	}
}

// Features are those that are on.
func (h *Header) Features() []Feature {
	raw := poolheader.Header{Compat: h.Compat, Incompat: h.Incompat}
	var on []Feature
	for _, f := range Features() {
		if f.in(&raw) {
			on = append(on, f)
		}
	}
	return on
}
