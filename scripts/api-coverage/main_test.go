package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const someHeader = `
#define SOME_FLAG (1 << 0)
#define POBJ_SOME(x) pmemobj_some(x)
typedef int (*pmemobj_constr)(void *ptr);
int pmemobj_some(void *p);
void *pmemobj_other (void);
static inline void *pmemobj_other_inline(void) { return pmemobj_other(); }
`

func TestParseHeader(t *testing.T) {
	h := parseHeader(someHeader)
	require.Equal(t, map[string]bool{"pmemobj_some": true, "pmemobj_other": true}, h.functions)
	require.Equal(t, map[string]bool{"SOME_FLAG": true, "POBJ_SOME": true}, h.macros)
}

func TestClaims(t *testing.T) {
	require.Equal(t, []string{"pmemobj_some", "pmemobj_other"},
		claims("Some does it, see pmemobj_else(3).\n\nImplements: pmemobj_some(3),\npmemobj_other(3), the node x.y\n"))
	require.Empty(t, claims("Some does it, see pmemobj_some(3).\n"))
}

func TestCompare(t *testing.T) {
	h := parseHeader(someHeader)
	whole, part := library{"libpmemobj", true}, library{"libpmemobj", false}
	cases := []struct {
		name   string
		l      library
		docs   []string
		report string
		err    string
	}{
		{"all", whole, []string{"pmemobj_some", "pmemobj_other"}, "2 of 2", ""},
		{"a macro as well", whole, []string{"pmemobj_some", "pmemobj_other", "POBJ_SOME"}, "2 of 2", ""},
		{"a gap", whole, []string{"pmemobj_some"}, "1 of 2", "implements none of these: pmemobj_other"},
		{"a gap in what is not whole", part, []string{"pmemobj_some"}, "1 of 2", ""},
		{"a name that does not exist", part, []string{"pmemobj_soem"}, "0 of 2", "pmemobj_soem (somewhere)"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			docs := map[string]string{}
			for _, name := range c.docs {
				docs[name] = "somewhere"
			}
			report, err := c.l.compare(h, docs)
			require.Contains(t, report, c.report)
			if c.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.err)
		})
	}
}

// Ensure that only what users read counts: documentation of exported names.
func TestImplemented(t *testing.T) {
	dir := t.TempDir()
	source := `package p

// Some does it.
//
// Implements: pmemobj_some(3)
func Some() {}

// hidden does it.
//
// Implements: pmemobj_other(3)
func hidden() {}

// Constants of another one.
//
// Implements: pmemobj_third(3)
const (
	A = 1
)
`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p.go"), []byte(source), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p_test.go"), []byte("package p\n"), 0o600))
	names, err := implemented(dir)
	require.NoError(t, err)
	require.Len(t, names, 2)
	require.Contains(t, names, "pmemobj_some")
	require.Contains(t, names, "pmemobj_third")

	names, err = implemented(filepath.Join(dir, "none"))
	require.NoError(t, err)
	require.Empty(t, names)
}
