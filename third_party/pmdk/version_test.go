package pmdk

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Ensure that a library that fits is passed over in silence.
func TestCheckVersionFits(t *testing.T) {
	assert.NotPanics(t, func() { CheckVersion("libpmem", 1, 1, "") })
}

// Ensure that the panic names the library, what it was compiled against, what
// PMDK says of the one found, and what to do about it.
func TestCheckVersionMismatch(t *testing.T) {
	const msg = "libpmemobj minor version mismatch (need 4, found 3)"
	assert.PanicsWithValue(t, versionError(mode, "libpmemobj", 2, 4, msg), func() {
		CheckVersion("libpmemobj", 2, 4, msg)
	})

	remedies := map[string]string{
		ModeDefault: "run scripts/vendor.sh",
		ModeStatic:  "run scripts/vendor.sh",
		ModeDynamic: "install the PMDK that the program was built with",
	}
	for mode, remedy := range remedies {
		got := versionError(mode, "libpmemobj", 2, 4, msg)
		assert.Contains(t, got, "libpmemobj does not fit this program, which was compiled against version 2.4")
		assert.Contains(t, got, msg)
		assert.Contains(t, got, "link mode "+mode)
		assert.Contains(t, got, remedy)
	}
}
