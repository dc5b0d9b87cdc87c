// Package diagnose says in words what a recording shows: which lines of a
// program are suspicious although nothing has crashed ([Warnings]), and why an
// image that failed its check came to be ([Explain]).
//
// # Whose store is it
//
// Only what the program under test does is worth a word; the libraries' own
// metadata is not. A store belongs to the program if the innermost function on
// its stack, the runtime and the standard library left aside, is not one of
// the libraries', or if it is a function of the libraries that copies what the
// program hands it to where the program says. The file is asked as well: if it
// is a pool of libpmemobj, bytes outside of live objects are the library's.
//
// # How exact places are
//
// A recorder may look at a page only from time to time: the stack of a Store
// event is then that of the first store to its page since, and others carry the
// same stack. Where more than one store to a page has the same stack between two
// events of another kind, reports say "from bank.go:41 on" rather than "at
// bank.go:41"; it is a loop, or the lines that follow.
package diagnose
