package libpmempool_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	. "github.com/pmem/pmdk-go/libpmempool"
)

// Ensure that nothing looks at, or repairs, a pool that has changes in its
// journal, other than Info, which shows it, and that it is as before.
func TestUnreplayed(t *testing.T) {
	path := newObj(t, testpool.Dir(t))
	plain, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, mark := range map[string]func(b []byte){
		"marked": func(b []byte) { (&poolheader.Mark{Tail: 1, First: 1}).Put(b) },
		"feature": func(b []byte) {
			b[19] |= 0x80
			binary.LittleEndian.PutUint64(b[4088:], poolheader.HeaderChecksum(b[:poolheader.Size]))
		},
	} {
		t.Run(name, func(t *testing.T) { refusesUnreplayed(t, path, plain, mark) })
	}
	require.NoError(t, os.WriteFile(path, plain, 0o600))
	testpool.Check(t, path)
}

func refusesUnreplayed(t *testing.T, path string, plain []byte, mark func(b []byte)) {
	before := bytes.Clone(plain)
	mark(before)
	require.NoError(t, os.WriteFile(path, before, 0o600))
	_, checked := Check(context.Background(), path)
	_, repaired := Check(context.Background(), path, WithRepair(), WithYes())
	_, queried := FeatureQuery(path, FeatureChecksum2K)
	_, enabled := FeatureEnable(path, FeatureCheckBadBlocks)
	for _, err := range []error{checked, repaired, queried, enabled} {
		require.ErrorIs(t, err, ErrUnreplayed)
		require.ErrorIs(t, err, libpmemobj.ErrUnreplayed)
		require.ErrorContains(t, err, path+": the pool has changes in its journal: open it with the option of package libpmemobj/journal")
	}
	info, err := Info(path)
	require.NoError(t, err)
	require.Len(t, info.Files, 1)
	require.ErrorContains(t, errors.Join(info.Damage...), "the pool has changes in its journal")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, after))
}
