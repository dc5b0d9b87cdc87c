package main

import (
	"fmt"
	"strconv"
	"strings"
)

// parseSize reads a number of bytes: K, M, G, T, P and KiB and so on are powers
// of 1024, kB, MB and so on powers of 1000.
func parseSize(s string) (int64, error) {
	digits := s
	if i := strings.IndexFunc(s, func(c rune) bool { return c < '0' || c > '9' }); i >= 0 {
		digits = s[:i]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("size %q: a whole number expected, with a unit or without, for example 64M", s)
	}
	units := map[string]int64{"": 1, "B": 1, "kB": 1e3}
	for i, c := range "KMGTP" {
		binary := int64(1) << (10 * (i + 1))
		units[string(c)], units[string(c)+"iB"] = binary, binary
		if c != 'K' {
			units[string(c)+"B"] = pow1000(i + 1)
		}
	}
	unit, ok := units[s[len(digits):]]
	if !ok {
		return 0, fmt.Errorf("size %q: unknown unit; there are B, K, M, G, T, P, KiB, kB and so on", s)
	}
	if n > (1<<63-1)/unit {
		return 0, fmt.Errorf("size %q: more than a file can have", s)
	}
	return n * unit, nil
}

func pow1000(n int) int64 {
	p := int64(1)
	for range n {
		p *= 1000
	}
	return p
}

// human prints a size with one digit behind the point, as C's pmempool does.
func human(n uint64) string {
	if n < 1024 {
		return strconv.FormatUint(n, 10)
	}
	f := float64(n)
	for _, unit := range "KMGTPE" {
		if f /= 1024; f < 1024 {
			return fmt.Sprintf("%.1f%c", f, unit)
		}
	}
	return strconv.FormatUint(n, 10)
}

// span is a part of a row of things: from first to last, both included.
type span struct{ first, last int64 }

// parseRanges reads ranges such as "1,10-100,-5,200-", of what is counted from 0
// to end-1. What lies behind the end is left out. No text means everything.
func parseRanges(s string, end int64) ([]span, error) {
	if s == "" {
		return []span{{0, end - 1}}, nil
	}
	var all []span
	for _, text := range strings.Split(s, ",") {
		from, to, isRange := strings.Cut(text, "-")
		r := span{0, end - 1}
		var err error
		if from != "" {
			r.first, err = parseSize(from)
		}
		if isRange && to != "" && err == nil {
			r.last, err = parseSize(to)
		}
		if !isRange {
			r.last = r.first
		}
		if err != nil || text == "" || text == "-" {
			return nil, fmt.Errorf("range %q: numbers and ranges expected, for example 1,10-100,200-", s)
		}
		if r.first > r.last && isRange && to != "" && from != "" {
			r.first, r.last = r.last, r.first
		}
		if r.last = min(r.last, end-1); r.first <= r.last {
			all = append(all, r)
		}
	}
	return all, nil
}
