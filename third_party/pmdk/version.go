package pmdk

import "fmt"

// advice says what to do about libraries that do not fit their headers.
var advice = map[string]string{
	ModeDefault: "headers and archives come from different PMDK releases; in the root of pmdk-go, run scripts/vendor.sh, then build again",
	ModeStatic:  "headers and archives come from different PMDK releases; in the root of pmdk-go, run scripts/vendor.sh, then build again",
	ModeDynamic: "build again on this machine, or install the PMDK that the program was built with, or build without -tags pmdk_dynamic",
}

// CheckVersion panics if the library that the program runs with does not fit
// the headers that it was compiled with. A binding package calls it in an
// init function: lib is the library's name, major and minor the version of
// the API compiled against, and msg the answer of its check_version function
// to these two, empty if they fit.
//
//	func init() {
//		const major, minor = C.PMEM_MAJOR_VERSION, C.PMEM_MINOR_VERSION
//		pmdk.CheckVersion("libpmem", major, minor, C.GoString(C.pmem_check_version(major, minor)))
//	}
func CheckVersion(lib string, major, minor int, msg string) {
	if msg != "" {
		panic(versionError(mode, lib, major, minor, msg))
	}
}

func versionError(mode, lib string, major, minor int, msg string) string {
	return fmt.Sprintf("pmdk-go: %s does not fit this program, which was compiled against version %d.%d of its API: %s (link mode %s: %s)",
		lib, major, minor, msg, mode, advice[mode])
}
