package crashmodel

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// numbers is a store whose operations add a number each.
type numbers struct{ sum, lost int }

func adder(during func(before, after, got int, o int) error) Actor[*numbers] {
	return Script[*numbers, int, int]{
		Name:  "adder",
		Steps: 10,
		Draw:  func(rnd *rand.Rand, _ int) int { return 10 + rnd.IntN(10) },
		Apply: func(m, o int) int { return m + o },
		Do: func(s *numbers, o int) error {
			s.sum += o - s.lost
			return nil
		},
		Read:   func(s *numbers) (int, error) { return s.sum, nil },
		During: during,
	}.Actor()
}

// Ensure that a store may be as it was acknowledged, or one operation further,
// and nothing else, and that what follows is looked at as well.
func TestCheck(t *testing.T) {
	a := adder(nil)
	var s numbers
	sums := []int{0}
	require.NoError(t, a.run(&s, func(n int64) {
		require.EqualValues(t, len(sums), n)
		sums = append(sums, s.sum)
	}))
	require.Len(t, sums, 11)
	for acked := range sums {
		for at, sum := range sums {
			s := numbers{sum: sum}
			goOn, err := a.check(&s, int64(acked))
			if at != acked && at != acked+1 {
				require.ErrorContains(t, err, "neither what it should be before, nor after", "%d of %d", at, acked)
				continue
			}
			require.NoError(t, err, "%d of %d", at, acked)
			require.NoError(t, goOn())
			if at < 10 {
				require.Greater(t, s.sum, sum, "nothing followed")
			}
			broken := numbers{sum: sum, lost: 1}
			goOn, err = a.check(&broken, int64(acked))
			require.NoError(t, err)
			require.ErrorContains(t, goOn(), "model is")
		}
	}
}

// Ensure that a script can say what an operation leaves while it is under way.
func TestDuring(t *testing.T) {
	a := adder(func(before, after, got, _ int) error {
		if got < before || got > after {
			return errors.New("out of bounds")
		}
		return nil
	})
	_, err := a.check(&numbers{sum: 5}, 0)
	require.NoError(t, err)
	_, err = a.check(&numbers{sum: 50}, 0)
	require.ErrorContains(t, err, "out of bounds")
	_, err = a.check(&numbers{sum: -1}, 10)
	require.ErrorContains(t, err, "neither", "no operation is under way at the end")
}

// Ensure that steps that are written down are learned and compared like others.
func TestSteps(t *testing.T) {
	add := func(n int) func(s *numbers) error {
		return func(s *numbers) error { s.sum += n; return nil }
	}
	a := Steps[*numbers]{
		Setup:    add(100),
		Steps:    []func(s *numbers) error{add(1), add(20)},
		Contents: func(s *numbers) (string, error) { return fmt.Sprint("a sum of ", s.sum), nil },
	}.Actor(t, func(testing.TB) *numbers { return &numbers{} })
	s := numbers{sum: 100}
	acked := int64(0)
	require.NoError(t, a.run(&s, func(n int64) { acked = n }))
	require.EqualValues(t, 2, acked)
	require.Equal(t, 121, s.sum)
	for acked, wanted := range [][]int{{100, 101}, {101, 121}, {121}} {
		for _, sum := range []int{100, 101, 120, 121} {
			goOn, err := a.check(&numbers{sum: sum}, int64(acked))
			if !slices.Contains(wanted, sum) {
				require.ErrorContains(t, err, fmt.Sprintf("there is a sum of %d, should be a sum of %d", sum, wanted[0]))
				continue
			}
			require.NoError(t, err)
			require.NoError(t, goOn())
		}
	}
}

// Ensure that the first difference is named, and only a difference.
func TestDiff(t *testing.T) {
	type model struct {
		A [2]int
		B []string
		C map[string]uint64
		D *int
	}
	want := model{A: [2]int{1, 2}, B: []string{"x"}, C: map[string]uint64{"k": 1}}
	for _, c := range []struct {
		change func(m *model)
		text   string
	}{
		{func(*model) {}, ""},
		{func(m *model) { m.A[1] = 3 }, "model.A[1] is 3, should be 2"},
		{func(m *model) { m.B[0] = "y" }, `model.B[0] is "y", should be "x"`},
		{func(m *model) { m.B = nil }, "model.B has 0 elements, should have 1"},
		{func(m *model) { m.C["k"] = 2 }, "model.C[k] is 2, should be 1"},
		{func(m *model) { m.C["l"] = 2 }, "model.C has 2 keys, should have 1"},
		{func(m *model) { m.D = new(int) }, "model.D is "},
	} {
		got := model{A: [2]int{1, 2}, B: []string{"x"}, C: map[string]uint64{"k": 1}}
		c.change(&got)
		if c.text == "" {
			require.Empty(t, Diff(want, got))
			continue
		}
		require.Contains(t, Diff(want, got), c.text)
	}
	require.Empty(t, Diff([]int(nil), []int{}), "empty and nil")
}
