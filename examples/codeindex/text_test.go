package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 7712: "7,712", 1234567: "1,234,567"} {
		assert.Equal(t, want, count(n))
	}
}

func TestPlural(t *testing.T) {
	for n, want := range map[int]string{0: "0 files", 1: "1 file", 2000: "2,000 files"} {
		assert.Equal(t, want, plural(n, "file"))
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "2 KiB", 512 << 20: "512 MiB", 3 << 30: "3072 MiB"} {
		assert.Equal(t, want, bytesText(n))
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "8388608": 8 << 20, "4KiB": 4 << 10, "256MiB": 256 << 20, "1 GiB": 1 << 30} {
		n, err := parseSize(text)
		assert.NoError(t, err, text)
		assert.Equal(t, want, n, text)
	}
	for _, text := range []string{"", "MiB", "0", "-1MiB", "1MB", "1.5GiB", "9223372036854775807KiB", "99999999999999999999"} {
		_, err := parseSize(text)
		assert.ErrorContains(t, err, "is not a number of bytes", text)
	}
	n, err := parseSize("9223372036854775807")
	assert.NoError(t, err)
	assert.EqualValues(t, math.MaxInt64, n)
}

func TestTable(t *testing.T) {
	var out strings.Builder
	table := newTable(&out)
	table.row("files", "7,712", "")
	table.row("reopen", milliseconds(12*time.Millisecond), "against "+seconds(2340*time.Millisecond))
	assert.NoError(t, table.flush())
	assert.Equal(t, "files   7,712    \nreopen  12.0 ms  against 2.3 s\n", out.String())
}
