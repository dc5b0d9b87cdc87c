package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadAcks(t *testing.T) {
	calls := 0
	acked, err := readAcks(strings.NewReader("0 /a.go\n7 /with blank.go\n8 /cut sho"), func(n int) {
		calls++
		assert.Equal(t, calls, n)
	})
	require.NoError(t, err)
	assert.Equal(t, acknowledged{0: "/a.go", 7: "/with blank.go"}, acked, "half a line acknowledges nothing")

	_, err = readAcks(strings.NewReader("x /a.go\n"), func(int) {})
	assert.ErrorContains(t, err, `acknowledgement "x /a.go\n"`)
}

func TestKilled(t *testing.T) {
	assert.True(t, killed(exec.Command("sh", "-c", "kill -9 $$").Run()))
	assert.False(t, killed(exec.Command("sh", "-c", "kill -15 $$").Run()))
	assert.False(t, killed(exec.Command("false").Run()))
	assert.False(t, killed(nil))
}
