package libpmem

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeDevice makes a sysfs with one character device, 250:1.
func fakeDevice(t *testing.T, subsystem, size string) (sys string) {
	t.Helper()
	sys = t.TempDir()
	dir := filepath.Join(sys, "dev", "char", "250:1")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	if subsystem != "" {
		require.NoError(t, os.Symlink(subsystem, filepath.Join(dir, "subsystem")))
	}
	if size != "" {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "size"), []byte(size), 0o600))
	}
	return sys
}

func TestDeviceDAXSize(t *testing.T) {
	tests := []struct {
		name, subsystem, size string
		want                  int64
		err                   string
	}{
		{"device DAX", "../../../../bus/dax", "2147483648\n", 2 << 30, ""},
		{"another device", "../../../../class/mem", "1\n", 0, "not Device DAX"},
		{"no subsystem", "", "1\n", 0, "not Device DAX"},
		{"no size", "../../bus/dax", "", 0, "size of Device DAX can't be read"},
		{"odd size", "../../bus/dax", "many\n", 0, `parsing "many"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			size, err := deviceDAXSize(fakeDevice(t, tt.subsystem, tt.size), 250, 1)
			assert.Equal(t, tt.want, size)
			if tt.err == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, tt.err)
		})
	}
}

func TestDeviceDAXRules(t *testing.T) {
	const size = 2 << 30
	tests := []struct {
		name string
		opts []MapOption
		err  string
	}{
		{"whole device", nil, ""},
		{"its length", []MapOption{Create(size, 0)}, ""},
		{"sparse is ignored", []MapOption{Create(size, 0), Sparse()}, ""},
		{"another length", []MapOption{Create(size-1, 0)}, "2147483647 is not the size of this Device DAX, 2147483648"},
		{"excl", []MapOption{Create(size, 0), Excl()}, "Excl is not for Device DAX"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := configure("/dev/dax0.0", tt.opts)
			require.NoError(t, err)
			err = checkDeviceDAX(size, c)
			if tt.err == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, tt.err)
		})
	}
}
