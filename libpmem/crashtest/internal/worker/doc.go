// Package worker runs parts of a test in processes of their own: copies of the
// running test binary, which execute the same test up to the same place and
// then answer requests over a pipe. What kills or hangs such a process is an
// answer too, and the next request gets a new process.
//
// No process outlives its [Group], nor the process that made it: the kernel
// kills it with its parent, and it ends by itself when its pipe is closed.
package worker
