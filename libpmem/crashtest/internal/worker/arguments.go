package worker

import (
	"flag"
	"regexp"
	"strings"
)

// Possible says whether a process can be made to run the test of this name and
// nothing else.
func Possible(test string) bool {
	return strings.HasPrefix(test, "Test") || strings.HasPrefix(test, "Fuzz")
}

// Pattern is the value of -test.run that matches this test and nothing else.
func Pattern(test string) string {
	parts := strings.Split(test, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.Join(parts, "/")
}

// dropped are flags of the testing package that a worker must not have: those
// that choose tests, write files, or limit what our own timeouts do.
var dropped = map[string]bool{
	"run": true, "skip": true, "list": true, "bench": true, "benchtime": true, "benchmem": true,
	"fuzz": true, "fuzztime": true, "fuzzminimizetime": true, "fuzzcachedir": true, "fuzzworker": true,
	"count": true, "cpu": true, "parallel": true, "shuffle": true, "failfast": true, "timeout": true, "v": true,
	"paniconexit0": true, "fullpath": true, "testlogfile": true, "outputdir": true, "artifacts": true,
	"cpuprofile": true, "memprofile": true, "memprofilerate": true, "blockprofile": true, "blockprofilerate": true,
	"mutexprofile": true, "mutexprofilefraction": true, "trace": true,
	"coverprofile": true, "gocoverdir": true,
}

// arguments are those of a worker, made of this process's own.
func arguments(test string, own []string, flags *flag.FlagSet) []string {
	// -test.v has a test write its log at once, where it can be read should
	// the process end.
	args := []string{"-test.run=" + Pattern(test), "-test.v=true", "-test.count=1", "-test.timeout=0"}
	for i := 0; i < len(own); i++ {
		arg := own[i]
		name := strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-")
		if name == arg || name == "" {
			return append(args, own[i:]...) // no flags from here on
		}
		name, _, whole := strings.Cut(name, "=")
		one := own[i : i+1]
		if !whole && !isBool(flags, name) && i+1 < len(own) {
			one = own[i : i+2]
			i++
		}
		if !unwanted(name) {
			args = append(args, one...)
		}
	}
	return args
}

func unwanted(name string) bool {
	if test, ok := strings.CutPrefix(name, "test."); ok {
		return dropped[test]
	}
	return strings.HasPrefix(name, "crashtest.")
}

func isBool(flags *flag.FlagSet, name string) bool {
	f := flags.Lookup(name)
	if f == nil {
		return false
	}
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}
