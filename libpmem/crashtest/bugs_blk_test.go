package crashtest_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemblk"
)

var blkBugs = []seeded{
	{name: "index updated before the data block", run: indexFirst, says: "the index leads to"},
	{name: "data block cleared before the index", run: clearedFirst, says: "the index leads to", hint: "inside @ (in (*Pool).SetZero)"},
	{name: "write over two blocks taken for atomic", run: twoBlocks, says: "halves differ", hint: "inside @ (in (*Pool).WriteAt)"},
	{name: "record across the edge of a block", run: acrossBlocks, says: "the record is torn", hint: "inside @ (in (*Pool).WriteAt)"},
	{name: "invariant over two blocks", run: twoAccounts, says: "the sum is"},
	{name: "commit block before the journal", run: commitFirst, says: "the sum is"},
	{name: "journal cleared before the blocks are home", run: clearedJournal, says: "the sum is", hint: "inside @ (in (*Pool).SetZero)"},
	{name: "acknowledged before the block is written", run: ackBeforeBlock, says: "was acknowledged", hint: "after @ (in crashtest.Ack)"},
}

// blocks is a pool whose blocks begin with one word that matters.
type blocks struct{ *libpmemblk.Pool }

// set writes a block in which v is in every word.
func (b blocks) set(n int64, v uint64) error {
	return b.WriteBlock(n, bytes.Repeat(binary.LittleEndian.AppendUint64(nil, v), b.BlockSize()/8))
}

// get reads what set has written.
func (b blocks) get(n int64) (uint64, error) {
	buf := make([]byte, b.BlockSize())
	err := b.ReadBlock(n, buf)
	return binary.LittleEndian.Uint64(buf), err
}

// all reads the first n blocks.
func (b blocks) all(n int64) ([]uint64, error) {
	v := make([]uint64, n)
	for i := range n {
		var err error
		if v[i], err = b.get(i); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// onBlocks is a program over a pool. There is no crash point in the first
// write, which lays the pool out.
func onBlocks(work func(b blocks, buggy bool) error, check func(b blocks, acked crashtest.Acked) error) runner {
	return program(func(p *libpmemblk.Pool, buggy bool) error {
		b := blocks{p}
		if err := crashtest.Unchecked(func() error { return b.set(0, 0) }); err != nil {
			return err
		}
		return work(b, buggy)
	}, func(p *libpmemblk.Pool, acked crashtest.Acked) error { return check(blocks{p}, acked) })
}

// checkIndex wants data in the block that block 0, the index, leads to.
func checkIndex(b blocks, _ crashtest.Acked) error {
	at, err := b.get(0)
	if err != nil || at == 0 {
		return err
	}
	v, err := b.get(int64(at))
	if err == nil && v != 100+at {
		return fmt.Errorf("the index leads to block %d, which holds %d", at, v)
	}
	return err
}

// The index leads to a block that is not written yet.
var indexFirst = onBlocks(func(b blocks, buggy bool) error {
	for at := int64(1); at < 4; at++ {
		data := func() error { return b.set(at, 100+uint64(at)) }
		index := func() error { return b.set(0, uint64(at)) }
		var err error
		if buggy {
			err = errors.Join(index(), data()) // BUG: index updated before the data block
		} else {
			err = errors.Join(data(), index())
		}
		if err != nil {
			return err
		}
	}
	return nil
}, checkIndex)

// The block is zero while the index still leads to it.
var clearedFirst = onBlocks(func(b blocks, buggy bool) error {
	err := errors.Join(b.set(5, 105), b.set(0, 5))
	if buggy {
		return errors.Join(err, b.SetZero(5), b.SetZero(0)) // BUG: data block cleared before the index
	}
	return errors.Join(err, b.SetZero(0), b.SetZero(5))
}, checkIndex)

// The version is in the first block and in the last. One write to both is two.
var twoBlocks = onBlocks(func(b blocks, buggy bool) error {
	for v := range uint64(3) {
		if buggy {
			data := bytes.Repeat(binary.LittleEndian.AppendUint64(nil, v+1), b.BlockSize()/4)
			if _, err := b.WriteAt(data, int64(b.BlockSize())); err != nil { // BUG: write over two blocks taken for atomic
				return err
			}
			continue
		}
		// Two places for both blocks, of which block 0 says the one that counts.
		at := int64(1 + 2*((v+1)%2))
		if err := errors.Join(b.set(at, v+1), b.set(at+1, v+1), b.set(0, uint64(at-1))); err != nil {
			return err
		}
	}
	return nil
}, func(b blocks, _ crashtest.Acked) error {
	v, err := b.all(5)
	if err == nil && v[1+v[0]] != v[2+v[0]] {
		return fmt.Errorf("the halves differ: %d and %d", v[1+v[0]], v[2+v[0]])
	}
	return err
})

// 16 bytes at the edge lie in two blocks.
var acrossBlocks = onBlocks(func(b blocks, buggy bool) error {
	off := int64(b.BlockSize())
	if buggy {
		off -= 8
	}
	for c := range byte(3) {
		if _, err := b.WriteAt(bytes.Repeat([]byte{c + 1}, 16), off); err != nil { // BUG: record across the edge of a block
			return err
		}
	}
	return nil
}, func(b blocks, _ crashtest.Acked) error {
	// What is not written, before or behind the record, is zero.
	r := make([]byte, 32)
	_, err := b.ReadAt(r, int64(b.BlockSize())-8)
	if r = bytes.Trim(r, "\x00"); err == nil && len(r) > 0 && (len(r) != 16 || r[0] != r[15]) {
		return fmt.Errorf("the record is torn: %v", r)
	}
	return err
})

// Blocks 1 and 2 are accounts of 100 together. A transfer that is under way is
// in the journal: its new balances in blocks 3 and 4, and in block 5 whether
// they count.
const accountA, accountB, journalA, journalB, committed = 1, 2, 3, 4, 5

func checkAccounts(b blocks, acked crashtest.Acked) error {
	v, err := b.all(6)
	if err != nil || !acked.Any() {
		return err
	}
	if v[committed] == 1 {
		v[accountA], v[accountB] = v[journalA], v[journalB]
	}
	if s := v[accountA] + v[accountB]; s != 100 {
		return fmt.Errorf("the sum is %d", s)
	}
	return nil
}

// onAccounts is a program that transfers 10 twice.
func onAccounts(transfer func(b blocks, balanceA, balanceB uint64, buggy bool) error) runner {
	return onBlocks(func(b blocks, buggy bool) error {
		err := crashtest.Unchecked(func() error { return errors.Join(b.set(accountA, 100), b.set(accountB, 0)) })
		if err != nil {
			return err
		}
		crashtest.Ack(1)
		return errors.Join(transfer(b, 90, 10, buggy), transfer(b, 80, 20, buggy))
	}, checkAccounts)
}

// Between the two writes, the sum is wrong.
var twoAccounts = onAccounts(func(b blocks, balanceA, balanceB uint64, buggy bool) error {
	home := func() error {
		return errors.Join(b.set(accountA, balanceA), b.set(accountB, balanceB)) // BUG: invariant over two blocks
	}
	if buggy {
		return home()
	}
	return errors.Join(
		b.set(journalA, balanceA), b.set(journalB, balanceB), b.set(committed, 1),
		home(), b.SetZero(committed),
	)
})

// The journal counts before it is written.
var commitFirst = onAccounts(func(b blocks, balanceA, balanceB uint64, buggy bool) error {
	journal := func() error { return errors.Join(b.set(journalA, balanceA), b.set(journalB, balanceB)) }
	commit := func() error { return b.set(committed, 1) }
	var err error
	if buggy {
		err = errors.Join(commit(), journal()) // BUG: commit block before the journal
	} else {
		err = errors.Join(journal(), commit())
	}
	return errors.Join(err, b.set(accountA, balanceA), b.set(accountB, balanceB), b.SetZero(committed))
})

// The journal ends when the first block is home.
var clearedJournal = onAccounts(func(b blocks, balanceA, balanceB uint64, buggy bool) error {
	err := errors.Join(b.set(journalA, balanceA), b.set(journalB, balanceB), b.set(committed, 1), b.set(accountA, balanceA))
	drop := func() error { return b.SetZero(committed) } // BUG: journal cleared before the blocks are home
	last := func() error { return b.set(accountB, balanceB) }
	if buggy {
		return errors.Join(err, drop(), last())
	}
	return errors.Join(err, last(), drop())
})

// What is acknowledged is not written yet.
var ackBeforeBlock = onBlocks(func(b blocks, buggy bool) error {
	for n := range uint64(3) {
		if buggy {
			crashtest.Ack(int64(n + 1)) // BUG: acknowledged before the block is written
		}
		if err := b.set(1, n+1); err != nil {
			return err
		}
		if !buggy {
			crashtest.Ack(int64(n + 1))
		}
	}
	return nil
}, func(b blocks, acked crashtest.Acked) error {
	v, err := b.get(1)
	if err == nil && v < uint64(acked.Last()) {
		return fmt.Errorf("the block holds %d, %d was acknowledged", v, acked.Last())
	}
	return err
})
