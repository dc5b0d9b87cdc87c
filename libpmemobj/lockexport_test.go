package libpmemobj

// MaxLockThreads and LockThreads let tests wait until goroutines wait.
const MaxLockThreads = maxLockThreads

// LockThreads is how many goroutines wait for a lock or on a condition.
func LockThreads() int64 { return lockThreads.Load() }
