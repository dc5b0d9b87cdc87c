package poolset

import (
	"math/bits"
	"strconv"
	"strings"
)

// units are the suffixes of a size, with their factors.
var units = map[string]uint64{
	"": 1, "B": 1,
	"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "PiB": 1 << 50,
	"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15,
}

// maxSize is the size of the largest file.
const maxSize = 1<<63 - 1

// ParseSize reads a size as pool set files have it: a whole number, and a
// suffix: B; K, M, G, T, P or KiB and so on, powers of 1024; kB, MB, GB, TB, PB,
// powers of 1000. It is false for anything else, for 0, and for more than a
// file can have.
func ParseSize(s string) (uint64, bool) {
	suffix := strings.TrimLeft(s, "0123456789")
	factor, ok := units[suffix]
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:len(s)-len(suffix)], 10, 64)
	if err != nil {
		return 0, false
	}
	hi, size := bits.Mul64(n, factor)
	return size, hi == 0 && size > 0 && size <= maxSize
}

// FormatSize prints a size the shortest way that ParseSize reads exactly.
func FormatSize(n uint64) string {
	suffixes := []string{"", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for n != 0 && n%1024 == 0 && i < len(suffixes)-1 {
		n /= 1024
		i++
	}
	return strconv.FormatUint(n, 10) + suffixes[i]
}
