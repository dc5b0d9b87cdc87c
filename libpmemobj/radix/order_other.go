//go:build !amd64

package radix

// plainReads says whether glance and route can tell afterwards whether what
// they read was right. Here they cannot, and get and lockSlow do their work,
// whose reads are atomic where that matters.
const plainReads = false
