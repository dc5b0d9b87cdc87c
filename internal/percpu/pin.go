package percpu

// Pin keeps the goroutine on its processor, without preemption, until Unpin:
// a garbage collection that wants to stop the world waits meanwhile. Between the
// two there are a few hundred nanoseconds at most, no function that may block,
// and no panic.
func Pin() { procPin() }

// Unpin is the end of Pin.
func Unpin() { procUnpin() }
