package libpmemobj_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	. "github.com/pmem/pmdk-go/libpmemobj"
)

// mediumCase is an operation that waits for the medium so many times. It is run
// after prepare, which may be nil.
type mediumCase struct {
	waits   int
	prepare func()
	run     func() error
}

var errRolledBack = errors.New("rolled back by the test")

// mediumCases are the operations of a pool: those that change it, and others,
// which go on when the medium has failed.
func mediumCases(t *testing.T, p *Pool) (changes, others map[string]mediumCase) {
	root := rootOf(t, p)
	r := root.Get()
	second := func(_ any, err error) error { return err }
	var oid, moved OID
	object := func() { oid = oneObject(t, p, 100, 1) }
	bytes := func() []byte { return view(t, p, oid, 100) }
	var held *Reservation[node]
	reserve := func() {
		var err error
		held, err = NewReservation[node](p)
		require.NoError(t, err)
	}
	// Not in the root object, which is another one here.
	heads, err := Construct(p, nil, func(*listRoot) error { return nil })
	require.NoError(t, err)
	var lists [2]List[listNode]
	for i := range lists {
		lists[i], err = ListOf(p, &heads.Get().Heads[i], listEntryA)
		require.NoError(t, err)
	}
	var elem Ptr[listNode]
	element := func() { elem = newListNode(t, p, 1) }
	inList := func() { element(); require.NoError(t, lists[0].InsertTail(elem)) }
	change := func(tx *Tx) error { *MutAt(tx, &r.Count) += 1; return nil }
	store := func(a *Actions) error { Store(a, &r.Other, r.Other+1); return nil }

	changes = map[string]mediumCase{
		"Update":         {1, nil, func() error { return p.Update(change) }},
		"Update, nested": {1, nil, func() error { return p.Update(func(tx *Tx) error { return p.Update(change) }) }},
		"Update, staged": {1, nil, func() error {
			return p.Update(func(tx *Tx) error { return errors.Join(tx.OnStage(func(Stage) {}), change(tx)) })
		}},
		"Update, allocs":  {1, nil, func() error { return p.Update(func(tx *Tx) error { _, err := New[node](tx); return err }) }},
		"Publish":         {1, nil, func() error { return p.Publish(store) }},
		"Publish, object": {1, nil, func() error { return p.Publish(func(a *Actions) error { _, _, err := Reserve[node](a); return err }) }},
		"Publish, many": {1, nil, func() error {
			return p.Publish(func(a *Actions) error {
				for i := range r.Words {
					Store(a, &r.Words[i], 1)
				}
				return nil
			})
		}},
		"Publish, reserved":       {1, reserve, func() error { return p.Publish(func(a *Actions) error { return a.Add(held) }) }},
		"PublishActions, one":     {1, reserve, func() error { return p.PublishActions(held) }},
		"PublishActions, word":    {1, nil, func() error { return p.PublishActions(SetValue(&r.Other, 5)) }},
		"PublishActions, both":    {1, reserve, func() error { return p.PublishActions(held, SetValue(&r.Other, 6)) }},
		"Alloc":                   {1, nil, func() error { return second(p.Alloc(nil, 64, 1)) }},
		"Alloc, in pool":          {1, nil, func() error { return second(p.Alloc(&r.OID, 64, 1)) }},
		"Zalloc":                  {1, nil, func() error { return second(p.Zalloc(nil, 64, 1)) }},
		"Xalloc":                  {1, nil, func() error { return second(p.Xalloc(nil, 64, 1, AllocZero)) }},
		"Realloc":                 {1, object, func() error { return p.Realloc(&oid, 1000, 1) }},
		"Zrealloc":                {1, object, func() error { return p.Zrealloc(&oid, 1000, 1) }},
		"Realloc 0":               {1, object, func() error { return p.Realloc(&oid, 0, 1) }},
		"Free":                    {1, object, func() error { return p.Free(&oid) }},
		"Strdup":                  {1, nil, func() error { return second(p.Strdup(nil, "string", 1)) }},
		"Wcsdup":                  {1, nil, func() error { return second(p.Wcsdup(nil, "string", 1)) }},
		"Construct":               {1, nil, func() error { return second(Construct(p, nil, func(*node) error { return nil })) }},
		"ConstructArray":          {1, nil, func() error { return second(ConstructArray(p, nil, 3, func([]node) error { return nil })) }},
		"ConstructBytes":          {1, nil, func() error { return second(p.ConstructBytes(nil, 3, 1, func([]byte) error { return nil })) }},
		"Persist":                 {1, nil, func() error { return p.Persist(root.Range()) }},
		"XPersist":                {1, nil, func() error { return p.XPersist(0, root.Range(), RangeOf(&r.Count)) }},
		"Drain":                   {1, nil, func() error { return p.Drain() }},
		"Memcpy":                  {1, object, func() error { return p.Memcpy(bytes(), make([]byte, 100), 0) }},
		"Memmove":                 {1, object, func() error { return p.Memmove(bytes(), make([]byte, 100), 0) }},
		"Memset":                  {1, object, func() error { return p.Memset(bytes(), 1, 0) }},
		"Flush":                   {0, nil, func() error { return p.Flush(root.Range()) }},
		"XFlush":                  {0, nil, func() error { return p.XFlush(0, root.Range()) }},
		"Memcpy without drain":    {0, object, func() error { return p.Memcpy(bytes(), make([]byte, 100), MemNoDrain) }},
		"Memset without flush":    {0, object, func() error { return p.Memset(bytes(), 1, MemNoFlush) }},
		"PersistRanges":           {0, nil, func() error { return p.PersistRanges(root.Range()) }},
		"PublishUnsettled":        {0, nil, func() error { return p.PublishUnsettled(store) }},
		"UpdateUnsettled":         {0, nil, func() error { return p.UpdateUnsettled(change) }},
		"UpdateUnsettled, inside": {1, nil, func() error { return p.Update(func(*Tx) error { return p.UpdateUnsettled(change) }) }},
		"Update in unsettled":     {0, nil, func() error { return p.UpdateUnsettled(func(*Tx) error { return p.Update(change) }) }},
		"AwaitDurable":            {1, nil, func() error { return p.AwaitDurable() }},
		"Publish, nothing":        {0, nil, func() error { return p.Publish(func(*Actions) error { return nil }) }},
		"Update, nothing":         {0, nil, func() error { return p.Update(func(*Tx) error { return nil }) }},
		"Free, null":              {0, nil, func() error { return p.Free(&OID{}) }},
		"Defrag": {1, func() { object(); moved = oid }, func() error {
			return second(p.Defrag(context.Background(), slices.Values([]*OID{&moved}), nil))
		}},
		"InsertHead": {1, element, func() error { return lists[0].InsertHead(elem) }},
		"InsertNew":  {1, nil, func() error { return second(lists[0].InsertNewTail(nil)) }},
		"Remove":     {1, inList, func() error { return lists[0].Remove(elem) }},
		"RemoveFree": {1, inList, func() error { return lists[0].RemoveFree(elem) }},
		"MoveToTail": {1, inList, func() error { return lists[0].MoveToTail(elem, lists[1]) }},
	}
	there := oneNode(t, p, 7)
	others = map[string]mediumCase{
		"Root":        {0, nil, func() error { return second(Root[rootData](p)) }},
		"RootSize":    {0, nil, func() error { return second(p.RootSize()) }},
		"RootObject":  {0, nil, func() error { _, _, err := p.RootObject(); return err }},
		"Bytes":       {0, nil, func() error { return second(p.Bytes(there.OID(), 0, 8)) }},
		"UsableSize":  {0, nil, func() error { return second(p.UsableSize(there.OID())) }},
		"TypeNum":     {0, nil, func() error { return second(p.TypeNum(there.OID())) }},
		"Get":         {0, nil, func() error { return second(there.TryGet()) }},
		"Stats":       {0, nil, func() error { return second(p.Stats()) }},
		"Objects":     {0, nil, func() error { require.NotEmpty(t, objectsIn(p)); return nil }},
		"Leaks":       {0, nil, func() error { return second(p.Leaks(there)) }},
		"SetUserData": {0, nil, func() error { return p.SetUserData(1) }},
		"ListOf":      {0, nil, func() error { return second(ListOf(p, &heads.Get().Heads[0], listEntryA)) }},
		"setting":     {0, nil, func() error { return p.SetTxCacheSize(64 << 10) }},
		"reservation": {0, nil, func() error { h, err := NewReservation[node](p); return errors.Join(err, h.Cancel()) }},
		"Attach":      {0, nil, func() error { return second(p.Attach(new(int), func() (any, error) { return 1, nil })) }},
		"Quiescent":   {0, nil, func() error { return p.Quiescent(func(unsafe.Pointer, int64) error { return nil }) }},
	}
	return changes, others
}

// Ensure that just the operations that promise durability wait for the medium,
// once each.
func TestMediumWaitsOf(t *testing.T) {
	p, m := onMedium(t)
	changes, others := mediumCases(t, p)
	for name, c := range joined(changes, others) {
		if c.prepare != nil {
			c.prepare()
		}
		m.Awaits()
		require.NoError(t, c.run(), name)
		require.Equal(t, c.waits, m.Awaits(), name)
	}
	require.ErrorIs(t, p.Update(func(tx *Tx) error {
		_, err := New[node](tx)
		return errors.Join(err, errRolledBack)
	}), errRolledBack)
	require.Zero(t, m.Awaits(), "rolled back")
	require.ErrorIs(t, p.Publish(func(a *Actions) error {
		_, _, err := Reserve[node](a)
		return errors.Join(err, errRolledBack)
	}), errRolledBack)
	require.Zero(t, m.Awaits(), "not published")
	require.NoError(t, p.Sync(context.Background()))
	require.Equal(t, []string{"Sync"}, m.Calls())
	_, err := Root[[1000]uint64](p)
	require.NoError(t, err)
	require.Equal(t, 1, m.Awaits(), "a root that grows")
}

func joined(a, b map[string]mediumCase) map[string]mediumCase {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// Ensure that an operation that waits in vain says so, that what changes the
// pool fails at its beginning from then on, and that reading goes on.
func TestMediumFails(t *testing.T) {
	p, m := onMedium(t)
	changes, others := mediumCases(t, p)
	root := rootOf(t, p)
	for _, c := range changes {
		if c.prepare != nil {
			c.prepare()
		}
	}
	require.NoError(t, p.Failed())
	before := len(objectsIn(p))
	m.Fail("Await", errMedium)
	called := false
	err := p.Update(func(tx *Tx) error {
		root.Mut(tx).Count = 1000
		require.NoError(t, tx.OnCommit(func() { called = true }))
		return tx.OnAbort(func(error) { called = true })
	})
	require.ErrorIs(t, err, ErrFailed)
	require.ErrorIs(t, err, errMedium)
	require.EqualError(t, err, "update "+p.Path()+": the medium of the pool failed: "+errMedium.Error())
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "update", e.Op)
	require.False(t, called, "neither durable nor rolled back")
	require.EqualValues(t, 1000, root.Get().Count)
	require.ErrorIs(t, p.Failed(), ErrFailed)
	m.Awaits()
	for name, c := range changes {
		if name == "AwaitDurable" {
			require.ErrorIs(t, c.run(), ErrFailed)
			m.Awaits()
			continue
		}
		require.ErrorIs(t, c.run(), ErrFailed, name)
		require.Zero(t, m.Awaits(), name)
	}
	require.Len(t, objectsIn(p), before)
	require.EqualValues(t, 1000, root.Get().Count)
	for name, c := range others {
		require.NoError(t, c.run(), name)
	}
	m.Fail("Sync", errMedium)
	require.ErrorIs(t, p.Sync(context.Background()), ErrFailed)
	m.Fail("Close", errMedium)
	err = p.Close()
	require.ErrorIs(t, err, ErrFailed)
	require.ErrorIs(t, err, errMedium)
	require.NoError(t, p.Close())
	require.ErrorIs(t, p.AwaitDurable(), errMedium, "what Close said")
}
