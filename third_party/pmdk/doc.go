// Package pmdk links the C core: PMDK's libraries, in one of three ways. The
// bindings import it; programs use it to ask how they are linked, and whether
// a path lies on an NVDIMM.
//
// # Link modes
//
//	build tag      how                                       needs at run time
//	(none)         static archives; libndctl looked up late  libc
//	pmdk_static    the same, no dynamic libc, no libndctl    nothing
//	pmdk_dynamic   shared libraries, found by pkg-config     PMDK, libndctl, …
//
// No mode asks for environment variables. Flags for the linker stand in this
// package and in its subpackages libpmemblk and libpmemlog, and nowhere else:
// those two libraries are apart because PMDK 2.0 dropped them.
//
// PMDK consults libndctl about NVDIMMs: were the last writes before a power
// failure lost, and which blocks are bad? On other machines it has nothing to
// say, so the default mode looks it up when the first pool is opened and does
// without it where it is missing. RequireNDCTL keeps that from happening in
// silence on a machine where it matters.
//
// # For a binding
//
// A binding of library L imports this package (libpmemblk and libpmemlog:
// the subpackage), sets
//
//	#cgo CFLAGS: -I${SRCDIR}/../third_party/pmdk/include
//
// and includes PMDK's headers plainly: the include folder is empty, and the
// system's headers are found, unless scripts/vendor.sh has filled it. If there
// are no headers at all, compiling this package fails first, with one error
// that says which command to run; the binding is not compiled then. In an
// init function it calls CheckVersion. Before it creates or opens a pool, it
// calls RequireNDCTL, unless its caller passed the option that accepts the
// loss.
//
// # Goroutines
//
// Every function may be called from any goroutine at any time.
package pmdk
