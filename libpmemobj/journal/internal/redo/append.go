package redo

import "fmt"

// Append writes a batch, with one write, and returns its number; the first one
// of a session is 1. After a crash it is there as a whole or not at all, and
// only together with all batches before it. It is durable after Datasync.
//
// The payload is not kept. Errors: ErrFull, ErrTooLarge and ErrMisuse leave the
// journal as it was; the others are for ever.
func (j *Journal) Append(payload []byte) (number uint64, err error) {
	j.appending.Lock()
	defer j.appending.Unlock()
	if err := j.Err(); err != nil {
		return 0, err
	}
	if !j.begun {
		return 0, fmt.Errorf("%w: Append before Begin", ErrMisuse)
	}
	line, err := check(payload)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrMisuse, err)
	}
	if int64(len(payload)) > j.MaxPayload() {
		return 0, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(payload), j.MaxPayload())
	}
	// A part by which the pool has grown must be durable before this is.
	if err := inside(j.path, j.pool, line); err != nil {
		return 0, j.fail(err)
	}
	b := batch{number: j.appended + 1, durable: j.durable.Load(), payload: payload}
	p, fresh, err := j.place(&b)
	if err != nil {
		return 0, err
	}
	salt := j.begin.salt(p.seq)
	off := j.begin.at(p.seq) + int64(p.end)
	j.buf = j.buf[:0]
	if fresh {
		off -= segmentHeader
		j.buf = append(j.buf, make([]byte, segmentHeader)...)
		a := activation{seq: p.seq, salt: salt, first: b.number, session: j.begin.session, durable: b.durable}
		a.encode(j.buf)
	}
	j.buf = appendBatch(j.buf, salt, &b)
	if err := writeAll(j.file, j.buf, off); err != nil {
		return 0, j.fail(err)
	}
	p.end += b.size()
	p.last = b.number
	j.mu.Lock()
	j.active, j.sealed = p.seq, false
	j.ring[p.seq%uint64(len(j.ring))] = p
	j.mu.Unlock()
	j.appended = b.number
	j.stats.batches.Add(1)
	j.stats.bytes.Add(uint64(len(j.buf)))
	return b.number, nil
}

// Seal makes the segment that is being written a full one, so that Checkpoint
// takes it as well.
func (j *Journal) Seal() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sealed = true
}

// MaxPayload is the size of the largest one.
func (j *Journal) MaxPayload() int64 {
	return j.o.SegmentSize - segmentHeader - batchHeader
}

// place finds the segment for a batch: the one that is being written, or the
// next one if that is free.
func (j *Journal) place(b *batch) (p part, fresh bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.active >= j.tail {
		p = j.ring[j.active%uint64(len(j.ring))]
		if !j.sealed && int64(p.end+b.size()) <= j.begin.segmentSize {
			return p, false, nil
		}
	}
	next := j.active + 1
	if next >= j.tail+uint64(len(j.ring)) {
		return p, false, ErrFull
	}
	return part{seq: next, end: segmentHeader, first: b.number}, true, nil
}

// Datasync makes all batches durable.
func (j *Journal) Datasync() error {
	j.appending.Lock()
	defer j.appending.Unlock()
	return j.sync()
}

func (j *Journal) sync() error {
	if err := j.Err(); err != nil {
		return err
	}
	if j.durable.Load() == j.appended {
		return nil
	}
	if err := j.file.Datasync(); err != nil {
		return j.fail(err)
	}
	j.stats.syncs.Add(1)
	j.durable.Store(j.appended)
	return nil
}

// Durable is the number of the last batch that Datasync has made durable.
func (j *Journal) Durable() uint64 { return j.durable.Load() }
