// Package testchild runs parts of tests in processes of their own: to kill
// them, to hold a pool in another process, or where a setting is read once in a
// process.
//
// A child is the test binary, started again. What it can be is registered by
// name, and run instead of the tests:
//
//	func init() {
//		testchild.Register("hold", func(args []string) error { … })
//	}
//
//	func TestMain(m *testing.M) {
//		testchild.Main()
//		os.Exit(m.Run())
//	}
//
//	c := testchild.Start(t, "hold", path)
//	require.Equal(t, "open", c.Line(t))
//	c.Kill(t)
package testchild
