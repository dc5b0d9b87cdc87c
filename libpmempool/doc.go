// Package libpmempool looks after pools of libpmemobj, libpmemlog and
// libpmemblk from outside: it checks and repairs them, restores replicas,
// changes pool sets and features, removes pools, and tells what their headers
// say. It binds the libpmempool library of PMDK 1.12.
//
//	info, err := libpmempool.Info("data.pool")   // read in Go, never changes anything
//	check, err := libpmempool.Check(ctx, "data.pool", libpmempool.WithRepair(), libpmempool.WithAnswers(ask))
//	for message := range check.Messages() {
//		fmt.Println(message)
//	}
//	report, err := check.Result()
//
// A path leads to a file, or to a pool set file, which names the files of a
// pool of several parts and replicas: [PoolSet] builds, reads and prints them.
//
// # Lifetime
//
// A [Checker] holds the pool locked from Check to its last message; a loop that
// is left early, Close, or the end of the context end it. One that is lost is
// reported, and ended when the garbage collector finds it. All other functions
// are done when they return.
//
// # Goroutines
//
// Every function may be called from any goroutine. They run one at a time, and no
// process is started meanwhile, because a child would inherit PMDK's locks: Sync
// or Transform of a large pool holds up both, and opening pools, for as long as
// copying takes. A Checker is used by one goroutine at a time; two checks of one
// pool do not go together, the second gets EAGAIN.
//
// # Durability
//
// What a function changed is on the medium when it returns, as far as msync and
// the disk keep their promises. None of the changes is atomic: a repair or a Sync
// that is killed is done again, [Transform] says what to do after a kill, and
// changing features of a pool set is best done with a backup at hand.
//
// # Caveats
//
// A sound pool is one whose structures are sound. Data has no checksums in
// PMDK: a check does not look at it, and Sync does not compare it.
//
// Repair restores structures, too: a log whose end was lost ends at the end of
// its file, and blocks whose place was lost may hold other data. The Report
// says so in its Caveats. Pools of libpmemobj are not repaired.
//
// PMDK loses some 16 KiB of memory for each check that is broken off, and for
// each repair that is answered with no. A program that does so often is better
// off doing it in a child process.
//
// Pool set files name files that are created, overwritten and removed. Use
// WithAllowedDirs for those that come from elsewhere. Remote replicas and
// devices (Device DAX) are refused.
//
// C faults or aborts on files that are empty, shorter than they should be, or
// missing from a set, or on pool sets of which it finds a part locked; they are
// refused in Go first. What cannot be checked is a file that another process
// truncates or opens meanwhile.
package libpmempool
