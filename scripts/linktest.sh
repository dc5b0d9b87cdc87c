#!/bin/sh
# Builds a program that uses all five libraries in every link mode, runs it,
# and asserts what ldd and the program itself say of it. Then does the same
# from a consumer module elsewhere on disk, plain and vendored.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# What a user has: no flags, no permission for unusual ones, no workspace.
unset CGO_LDFLAGS_ALLOW CGO_CFLAGS_ALLOW CGO_CFLAGS CGO_LDFLAGS
export GOWORK=off

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

# expect TEXT FILE: the file has a line that contains the text.
expect() {
	grep -qF -- "$1" "$2" || {
		cat "$2" >&2
		fail "expected: $1"
	}
}

# libraries BINARY: the names of the shared libraries that ldd lists, sorted.
libraries() {
	ldd "$1" | awk '{ sub(".*/", "", $1); sub("\\..*", "", $1); print $1 }' | sort | tr '\n' ' '
}

# check MODE BINARY: run it, and assert what it is and says.
check() {
	rm -rf "$work/pools"
	mkdir "$work/pools"
	"$2" "$work/pools" >"$work/out" 2>&1 || {
		cat "$work/out" >&2
		fail "$2 does not run"
	}
	for lib in libpmem libpmemobj libpmemblk libpmemlog libpmempool; do
		expect "$lib works" "$work/out"
	done
	expect "remote replica refused:" "$work/out"
	expect "link mode $1," "$work/out"
	case $1 in
	default)
		case $(libraries "$2") in
		"ld-linux-x86-64 libc linux-vdso " | "ld-linux-aarch64 libc linux-vdso ") ;;
		# Before glibc 2.34 these were apart from libc.
		"ld-linux-"*" libc libdl libpthread linux-vdso ") ;;
		*)
			ldd "$2" >&2
			fail "the default mode needs more than libc"
			;;
		esac
		expect_ndctl
		;;
	static)
		ldd "$2" >"$work/ldd" 2>&1 || :
		grep -qE 'not a dynamic executable|statically linked' "$work/ldd" || {
			cat "$work/ldd" >&2
			fail "the static mode needs dynamic libraries"
		}
		expect "ndctl absent" "$work/out"
		;;
	dynamic)
		ldd "$2" >"$work/ldd"
		for lib in libpmem libpmemobj libpmemblk libpmemlog libpmempool; do
			expect "$lib.so.1 => /" "$work/ldd"
		done
		expect "ndctl linked" "$work/out"
		;;
	esac
	echo "$1: $(tail -n 1 "$work/out")"
}

# installed LIBRARY: the machine has it, where the loader looks.
installed() {
	path=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p | awk -v lib="$1" '$1 == lib { print $NF; exit }')
	[ -n "$path" ] && [ -e "$path" ]
}

# expect_ndctl: the program found libndctl if and only if the machine has it.
expect_ndctl() {
	if installed libndctl.so.6 && installed libdaxctl.so.1; then
		expect "ndctl loaded" "$work/out"
	else
		expect "ndctl absent" "$work/out"
	fi
}

# build TAGS OUTPUT: the go command and the linker have nothing to remark.
build() {
	(cd "$root" && go build -tags "$1" -o "$2" ./internal/linkcheck) >"$work/log" 2>&1 || {
		cat "$work/log" >&2
		fail "the build with -tags '$1' failed"
	}
	[ ! -s "$work/log" ] || {
		cat "$work/log" >&2
		fail "the build with -tags '$1' printed something"
	}
}

build "" "$work/default"
check default "$work/default"

build pmdk_static "$work/static"
check static "$work/static"

if pkg-config --exists libpmem libpmemobj libpmempool libpmemblk libpmemlog 2>/dev/null; then
	build pmdk_dynamic "$work/dynamic"
	check dynamic "$work/dynamic"

	# A program that uses one library depends on that one alone.
	(cd "$root" && go build -tags pmdk_dynamic -o "$work/one" ./internal/linkcheck/one)
	ldd "$work/one" >"$work/ldd"
	expect "libpmem.so.1 => /" "$work/ldd"
	! grep -qE 'libpmem(obj|pool|blk|log)' "$work/ldd" || {
		cat "$work/ldd" >&2
		fail "a program that uses libpmem alone needs more of PMDK"
	}
else
	echo "dynamic: skipped, pkg-config or the packages with PMDK's shared libraries are missing"
fi

# Both tags at once: one error, in words.
if (cd "$root" && go build -tags pmdk_static,pmdk_dynamic -o /dev/null ./internal/linkcheck) >"$work/log" 2>&1; then
	fail "pmdk_static and pmdk_dynamic together were accepted"
fi
expect "exclude each other" "$work/log"

# Without cgo: a compile error that says so, not a program that fails later.
if (cd "$root" && CGO_ENABLED=0 go build -o /dev/null ./third_party/pmdk) >"$work/log" 2>&1; then
	fail "package pmdk was built without cgo"
fi
expect "needs_cgo" "$work/log"

# The consumer: a module of its own that knows this one by a replace directive.
mkdir "$work/consumer"
cd "$work/consumer"
cat >go.mod <<END
module example.org/consumer

go 1.25.0

require github.com/pmem/pmdk-go v0.0.0

replace github.com/pmem/pmdk-go => $root
END
sed -n '/^require (/,/^)/p; /^require [^(]/p' "$root/go.mod" | sed 's|//.*||' >>go.mod
cp "$root/go.sum" go.sum
cat >main.go <<'END'
package main

import (
	"fmt"

	"github.com/pmem/pmdk-go/third_party/pmdk"

	_ "github.com/pmem/pmdk-go/libpmem"
	_ "github.com/pmem/pmdk-go/libpmemobj"
)

func main() { fmt.Println(pmdk.LinkInfo()) }
END

# consume NAME GO-FLAGS...: build and run the consumer.
consume() {
	name=$1
	shift
	go build "$@" -o consumer . >"$work/log" 2>&1 || {
		cat "$work/log" >&2
		fail "the consumer module ($name) does not build"
	}
	./consumer >"$work/out"
	expect "link mode default," "$work/out"
	echo "consumer, $name: $(cat "$work/out")"
}

GOFLAGS=-mod=mod consume "replace directive"
GOFLAGS=-mod=mod go mod vendor
GOFLAGS= consume "go mod vendor" -mod=vendor
if [ -e "$root/third_party/pmdk/pmdk_version.h" ]; then
	pmdk=vendor/github.com/pmem/pmdk-go/third_party/pmdk
	for file in pmdk_version.h lib/libpmemobj.a include/libpmemobj.h include/libpmemobj/base.h; do
		[ -e "$pmdk/$file" ] || fail "go mod vendor left $file behind"
	done
fi
