// Package segment lays out a piece of the index as plain bytes: a sorted table
// of terms, and for each the files, by their ids, and the lines where it stands. A segment is
// written once, straight into the memory it will stay in, and never changed.
//
// The package knows bytes only. Package index keeps segments in a pool, one
// object each: a Header, then the body that the Header describes.
//
//	body     terms    8 B each: end of its name u32, end of its postings u32; by name
//	         names    the terms' names, one after another
//	         posts    the terms' postings, likewise
//
// An entry begins where the one before it ends. Numbers are little-endian and
// read with encoding/binary, so that no alignment rule applies and the tables
// need no unsafe casts.
//
// The postings of a term are runs, one for each file that has the term, by id:
//
//	uvarint id, uvarint number of lines, uvarint first line, uvarint steps to the next …
//
// A run depends on nothing before it. That makes merging cheap: the postings of
// a term in a merged segment are those of its sources, one after another.
package segment
