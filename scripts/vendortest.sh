#!/bin/sh
# Tests scripts/vendor.sh in a copy of the C core, without network: from a
# prefix, from a prefix without libpmemblk and libpmemlog (PMDK 2.0), with a
# package that is not the pinned one; and what the compiler says without PMDK.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
unset CGO_LDFLAGS_ALLOW CGO_CFLAGS_ALLOW CGO_CFLAGS CGO_LDFLAGS
export GOWORK=off
cc=$(go env CC)

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

expect() {
	grep -qF -- "$1" "$2" || {
		cat "$2" >&2
		fail "expected: $1"
	}
}

# A prefix made of the PMDK that this machine builds with, vendored or not.
mkdir -p "$work/prefix/include" "$work/prefix/lib/pkgconfig"
for name in libpmem libpmem2 libpmemobj libpmempool libpmemblk libpmemlog; do
	header=$(echo "#include <$name.h>" | $cc -I"$root/third_party/pmdk/include" -M -x c - | tr ' ' '\n' | grep "/$name\.h$")
	archive=$root/third_party/pmdk/lib/$name.a
	[ -e "$archive" ] || archive=$($cc -print-file-name="$name.a")
	cp "$header" "$work/prefix/include/"
	cp "$archive" "$work/prefix/lib/"
	if [ -d "${header%.h}" ]; then
		mkdir "$work/prefix/include/$name"
		cp "${header%.h}"/*.h "$work/prefix/include/$name/"
	fi
done
echo "version=9.8.7" >"$work/prefix/lib/pkgconfig/libpmem.pc"

# The copy starts without vendored files.
mkdir -p "$work/copy/third_party" "$work/copy/internal"
cp "$root/go.mod" "$root/go.sum" "$work/copy/"
cp -r "$root/scripts" "$work/copy/"
cp -r "$root/internal/linkcheck" "$work/copy/internal/"
cp -r "$root/third_party/pmdk" "$work/copy/third_party/"
pmdk=$work/copy/third_party/pmdk
rm -rf "$pmdk"/pmdk_version.h "$pmdk"/include/*.h "$pmdk"/include/*/*.h "$pmdk"/lib/*.a
cd "$work/copy"

# The vendored files are found before the system's.
scripts/vendor.sh --prefix "$work/prefix" 2>"$work/log"
expect "PMDK 9.8.7 is in third_party/pmdk" "$work/log"
go build -ldflags '-extldflags=-Wl,--trace' -o "$work/linkcheck" ./internal/linkcheck >"$work/log" 2>&1 || {
	cat "$work/log" >&2
	fail "a build with vendored PMDK failed"
}
for name in libpmem libpmemobj libpmempool libpmemblk libpmemlog; do
	grep -q "$pmdk/.*lib/$name\.a" "$work/log" || fail "the system's $name.a was linked"
done
mkdir "$work/pools"
"$work/linkcheck" "$work/pools" >"$work/out"
expect "PMDK 9.8.7 (vendored)" "$work/out"
$cc -I"$pmdk/include" -I"$pmdk" -M "$pmdk/pmdk_headers.h" >"$work/out"
expect "$pmdk/include/libpmem.h" "$work/out"
echo "a prefix: taken, and found before the system's PMDK"

# Not the pinned package: refused, and what was vendored stays.
mkdir "$work/bin"
cat >"$work/bin/apt-get" <<'END'
#!/bin/sh
for last; do :; done
echo "not a package" >"${last%%=*}_0.deb"
END
printf '#!/bin/sh\necho amd64\n' >"$work/bin/dpkg"
chmod +x "$work/bin/apt-get" "$work/bin/dpkg"
if PATH=$work/bin:$PATH scripts/vendor.sh 2>"$work/log"; then
	fail "a package that is not the pinned one was accepted"
fi
expect "libpmem-dev_0.deb is not what the manifest pins" "$work/log"
expect '"9.8.7"' "$pmdk/pmdk_version.h"
[ -e "$pmdk/lib/libpmemobj.a" ] || fail "a refused package cost the archives that were there"
[ -z "$(find "$pmdk" -name '.vendor.*')" ] || fail "vendor.sh left its work folder behind"
echo "a package that is not the pinned one: refused"

# A prefix that lacks what every build needs: refused.
mv "$work/prefix/lib/libpmemobj.a" "$work/"
if scripts/vendor.sh --prefix "$work/prefix" 2>"$work/log"; then
	fail "a prefix without libpmemobj was accepted"
fi
expect "has no libpmemobj" "$work/log"
mv "$work/libpmemobj.a" "$work/prefix/lib/"
echo "an incomplete prefix: refused"

# PMDK 2.0: the core is compiled, and the two that are gone say so themselves.
rm "$work"/prefix/lib/libpmemblk.a "$work"/prefix/lib/libpmemlog.a "$work"/prefix/include/libpmemblk.h "$work"/prefix/include/libpmemlog.h
scripts/vendor.sh --prefix "$work/prefix" 2>/dev/null
[ ! -e "$pmdk/lib/libpmemblk.a" ] || fail "vendor.sh kept an archive that the prefix lacks"
go build -o "$work/one" ./internal/linkcheck/one
"$work/one" >"$work/out"
expect "PMDK 9.8.7 (vendored)" "$work/out"
echo "PMDK without libpmemblk and libpmemlog: the others build"

# The go command's cache knows nothing of the files in include/ and lib/; yet
# other ones make it build anew.
echo "version=9.8.8" >"$work/prefix/lib/pkgconfig/libpmem.pc"
scripts/vendor.sh --prefix "$work/prefix" 2>/dev/null
go build -o "$work/one" ./internal/linkcheck/one
"$work/one" >"$work/out"
expect "PMDK 9.8.8 (vendored)" "$work/out"
echo "another PMDK in the same place: built anew"

# No PMDK at all: -nostdinc hides the system's headers.
rm -f "$pmdk"/pmdk_version.h "$pmdk"/include/*.h
only_error() { # FILE TEXT...: one #error, with these texts
	if $cc -nostdinc -E -o /dev/null -I"$pmdk/include" "$1" 2>"$work/log"; then
		fail "$1 passed without PMDK"
	fi
	[ "$(grep -c '#error' "$work/log")" -le 2 ] || { # the message, and the line that the compiler quotes
		cat "$work/log" >&2
		fail "$1: more than one error"
	}
	shift
	for text; do expect "$text" "$work/log"; done
}
only_error "$pmdk/pmdk_headers.h" "PMDK's headers are missing: run" "make setup" "scripts/vendor.sh"
only_error "$pmdk/libpmemblk/required.h" "PMDK 2.0 and later have no libpmemblk" "make setup"
only_error "$pmdk/libpmemlog/required.h" "PMDK 2.0 and later have no libpmemlog" "make setup"
echo "without PMDK: one error that names the command"
