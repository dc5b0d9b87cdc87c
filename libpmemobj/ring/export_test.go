package ring

import "fmt"

// ScanAgain compares the records with those that opening the log anew would find.
func ScanAgain(l *Log) error {
	s := l.s
	have, tail, epochs := s.entries, s.tail, s.epochs
	fresh := s.fresh
	s.slot, s.which, _ = s.header.current()
	s.scan()
	s.fresh, s.epochs = fresh, epochs
	if s.entries.first != have.first || s.entries.n != have.n || s.tail != tail {
		return fmt.Errorf("found anew, there are %d records from %d on, not %d from %d on", s.entries.n, s.entries.first, have.n, have.first)
	}
	return nil
}
