package hashmap

// plainReads says that the processor makes a thread's reads in their order, as
// far as anybody can tell, so that a reader without a lock may read as it
// likes.
const plainReads = true
