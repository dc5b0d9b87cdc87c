// Package poolset knows the text of pool set files, which say of what files
// or folders a pool is made; see poolset(5).
//
//	PMEMPOOLSET
//	OPTION SINGLEHDR
//	1GiB /data/a
//	1GiB /data/b
//	REPLICA
//	2GiB /mirror/c
//
// Parse reads what PMDK reads and gives PMDK's reasons, with the line, for
// what PMDK refuses; Set.Check finds what the text alone shows to be wrong
// with a pool set; Set.Text prints. Files and folders themselves are not
// looked at.
package poolset
