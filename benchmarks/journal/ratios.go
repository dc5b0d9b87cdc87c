package main

// target names a ratio: put or p99, the number of goroutines, the other engine.
type target struct {
	what       string
	goroutines int
	theirs     string
}

// targets are what the journal has to reach.
var targets = map[target]float64{
	{"put", 1, "bbolt"}:   0.50,
	{"put", 64, "bbolt"}:  0.05,
	{"put", 1, "pebble"}:  1.00,
	{"put", 64, "pebble"}: 0.85,
	{"p99", 64, "pebble"}: 1.00,
}

type ratio struct {
	what, theirs string
	value        float64
}

// ratios compares our engine with each of the others, and with bbolt in the way
// that suits it better.
func ratios(cells map[string]*cell, s *settings) (list []ratio) {
	ours := cells[s.ours]
	if ours == nil {
		return nil
	}
	compare := func(name string, theirs *cell) {
		list = append(list,
			ratio{"put", name, median(theirs.rate) / median(ours.rate)},
			ratio{"p99", name, median(ours.p99) / median(theirs.p99)})
	}
	if bbolt := faster(cells["bbolt-update"], cells["bbolt-batch"]); bbolt != nil {
		compare("bbolt", bbolt)
	}
	for _, name := range s.engines {
		if name != s.ours {
			compare(name, cells[name])
		}
	}
	return list
}

func faster(a, b *cell) *cell {
	if a == nil || b != nil && median(b.rate) > median(a.rate) {
		return b
	}
	return a
}
