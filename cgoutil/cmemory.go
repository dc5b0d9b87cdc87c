package cgoutil

// CMemoryStats says how much memory one of PMDK's libraries has taken from the
// C library's heap, which Go's own statistics do not show. Memory in pools, and
// the mappings themselves, are not part of it.
type CMemoryStats struct { // mirrors struct pmemgo_memory
	Allocs uint64 // since counting began; a reallocation counts as both
	Frees  uint64
	Bytes  int64 // allocated less freed; negative where what is freed is older than the counting
}
