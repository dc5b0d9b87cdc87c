// Package crashtest finds out in `go test` whether any moment of power loss
// breaks a program that keeps data in persistent memory or in a file that it
// maps.
//
// A test gives [Run] a workload, which changes a pool, and a check, which says
// whether a pool is as it may be after a crash. Run records every store and
// every flush of the workload, makes the images that a power failure could have
// left behind, and hands each of them to the check, as a pool that was opened
// and recovered like after a real crash:
//
//	func TestTransfer(t *testing.T) {
//		crashtest.Run(t, crashtest.Config{}, func(pool *libpmemobj.Pool) error {
//			for i := range 10 {
//				if err := transfer(pool); err != nil {
//					return err
//				}
//				crashtest.Ack(int64(i + 1))
//			}
//			return nil
//		}, func(pool *libpmemobj.Pool, acked crashtest.Acked) error {
//			sum, done, err := inspect(pool)
//			switch {
//			case err != nil:
//				return err
//			case sum != 100:
//				return fmt.Errorf("the accounts hold %d", sum)
//			case done < acked.Last():
//				return fmt.Errorf("%d transfers, %d were acknowledged", done, acked.Last())
//			}
//			return nil
//		})
//	}
//
// No Valgrind, kernel module or persistent memory is needed, and the code under
// test is the one that is shipped: Go and C, compiled as always.
//
// # What is tried
//
// The medium is that of a machine with persistent memory, or, with
// [DurabilityMsync], an ordinary file:
//
//   - A store may reach the medium at any time after it was made: a processor
//     writes cache lines back when it likes.
//   - It has reached it for certain after its line was flushed and the thread
//     that flushed it has made a fence (or after an msync of its page).
//   - What lies in one line of 64 bytes reaches the medium in the order in which
//     it was stored, 8 aligned bytes at a time; different lines do in any
//     order. On a file a page of 4096 bytes is what a line is here, and a sector
//     of 512 bytes is what 8 bytes are.
//
// The machine may crash before every fence and msync, after every [Ack], and at
// the end of the workload. At each of these points every line that was stored
// and is not certain to be durable may hold any of the contents it had since it
// was. Where these are few lines, every combination is tried; where they are
// many, none, all, all but one, only one, the older and the newer ones, torn
// lines, and random ones, the same for the same [Config.Seed].
//
// Each image is opened as a copy on write, which runs PMDK's recovery, looked at
// by PMDK's own check, and given to the test's check, in a process of its own:
// an image that makes C fault is a failure in the report, not the end of the
// test.
//
// # What a failure says
//
// What the check found, between which two lines of source the machine crashed,
// and the fewest lost lines that bring it about: where they were stored, whether
// they were flushed, and whether a transaction knew of them. [Explore] has an
// example. The image can be kept and looked at again:
//
//	go test -run '^TestTransfer$' -crashtest.keep=/tmp/images
//	go test -run '^TestTransfer$' -crashtest.replay=/tmp/images/NAME.json
//
// Without any crash, what is suspicious in the workload is a [Warning]: a store
// that was never flushed, one inside a transaction that no snapshot covers or
// that came before its snapshot, a flush of lines that nobody has changed, a
// snapshot of what was snapshotted before, and a flush without a fence.
//
// # Writing a workload
//
// Keep it short: a few dozen operations on a small pool have thousands of crash
// points, and a bug shows at one of the first. Have it do what is rare in use:
// fill structures until they split, free, move, abort. Tell with [Ack] what the
// program has promised to somebody: the check gets the last number that was
// acknowledged before the crash. Goroutines that work in parallel each have
// numbers of their own with [AckAs]. What only prepares goes into [Unchecked].
//
// The workload gets an open pool that is empty. It must not close it, and all
// goroutines that it has started must be done when it returns.
//
// # Writing a check
//
// A check sees a pool at any point of the workload, so it must accept exactly
// the states between two operations: what was acknowledged is there as a whole,
// and what was under way is there as a whole or not at all. The sharpest check
// keeps a model: it repeats the workload's operations, from the same seed, on a
// map or slice, up to the acknowledged one and up to the one after it, and
// compares everything. It may change the pool, as the program would when it
// starts again: the image is thrown away.
//
// A check runs in another process than the workload: what the workload has left
// in variables is not there. The test must come to Run in the same way each
// time; it may have several Run calls, subtests, and t.Parallel.
//
// # What it cannot see
//
//   - Bugs of the workload's threads that have nothing to do with crashes: use
//     the race detector, which cannot see into pools either.
//   - What a workload does not do, and orders in which its goroutines did not
//     happen to run.
//   - Bits that go bad, media that break their promises, and files other than
//     the pool. Pool sets cannot be recorded: there is one file.
//   - Stores by system calls: a read into the pool fails with EFAULT while it is
//     recorded, for the kernel does not fault as a processor does. Read into
//     other memory and copy.
//   - Crashes during recovery itself, and while the pool is created or opened.
//   - Programs built with -tags pmdk_dynamic: there Run skips the test.
//
// # Cost
//
// Only programs that import this package carry the linker wraps it needs, which
// cost a load and a branch for each flush while nothing is recorded. While it is
// recorded, a store with its flush and fence takes about 12 microseconds, no
// matter how large the pool is. Of an 8 MiB pool of objects some 250 images a
// second and core are checked, each by opening it twice, on two cores of a
// virtual machine (AMD EPYC, Zen 5); of logs and blocks about twice as many, of
// mappings some thousands. With -short there are fewer images, and
// [Config.Images] and [Config.Time] are budgets; `-crashtest.images=N`
// sets the first for all tests.
package crashtest
