// Package source reads Go source trees: which files there are, and which
// identifiers stand on which lines of each. It knows nothing of pools; the
// persistent index and the in-memory index it is compared with both feed on it.
package source
