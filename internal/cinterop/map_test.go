package cinterop_test

import (
	"fmt"
	"strings"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// mapcli keeps a set of numbers in a map of one of several kinds. It reads
// commands: "i 7" inserts 7, "r 7" removes it, "c 7" prints 1 if it is there,
// "n 100" inserts 100 random ones, and "p" prints them all.
var mapcli = newProgram("mapcli", `
	map/mapcli.c map/map.c map/map_btree.c map/map_ctree.c map/map_rbtree.c map/map_rtree.c map/map_skiplist.c
	map/map_hashmap_atomic.c map/map_hashmap_rp.c map/map_hashmap_tx.c
	tree_map/btree_map.c tree_map/ctree_map.c tree_map/rbtree_map.c tree_map/rtree_map.c list_map/skiplist_map.c
	hashmap/hashmap_atomic.c hashmap/hashmap_rp.c hashmap/hashmap_tx.c`,
	"map tree_map list_map hashmap")

const mapLayout = "map"

// mapRoot is mapcli's root object, with a map of kind M.
type mapRoot[M any] struct {
	Map libpmemobj.Ptr[M]
}

// commands is input for mapcli, a command each.
func commands(commands ...string) string { return strings.Join(commands, "\n") + "\n" }

// printed is keys as mapcli prints them.
func printed(keys []uint64) string {
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, "%d ", k)
	}
	b.WriteString("\n")
	return b.String()
}

// withSeed is what mapcli prints first when it has made a pool.
func withSeed(seed int, text string) string { return fmt.Sprintf("seed: %d\n", seed) + text }
