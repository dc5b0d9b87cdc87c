//go:build !amd64

package hashmap

// plainReads says whether a reader without a lock may read as it likes. Here
// its reads are atomic, which keeps them before the one of the version.
const plainReads = false
