package radix

// plainReads says that the processor makes a thread's reads in their order, as
// far as anybody can tell, so that glance and route can tell afterwards whether
// what they read was right.
const plainReads = true
