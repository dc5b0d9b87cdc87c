// Package btt reads the layout of the blocks of pmemblk pools: the Block
// Translation Table, which the Linux kernel uses and documents as well
// (driver-api/nvdimm/btt). Nothing here enters C or changes a file.
//
// The area of blocks is cut into arenas of up to 512 GiB. Each begins with an
// info block and ends with a copy of it. Between them lie the blocks, some more
// than anybody can use; the map, which says for each block number where its
// content is; and the flog, one entry for each spare block, which says what the
// last write in its lane replaced. A write goes to a spare block, then into the
// flog, then into the map.
package btt
