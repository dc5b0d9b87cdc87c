#!/bin/sh
# Puts PMDK's headers and static archives into third_party/pmdk/{include,lib},
# without root and without touching the system.
#
#   scripts/vendor.sh               the pinned Debian packages, checked against
#                                   third_party/pmdk/manifest
#   scripts/vendor.sh --prefix DIR  any PMDK installation: DIR/include, DIR/lib
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
pmdk=$root/third_party/pmdk

die() {
	echo "vendor.sh: $*" >&2
	exit 1
}

# On the file system of the target, so that the last step is only renames.
work=$(mktemp -d "$pmdk/.vendor.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# private_apt sets $apt to an apt-get with lists of its own, for machines whose
# lists are empty and may not be filled by this user.
private_apt() {
	mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
	# The system's hooks after an update are for root.
	cat >"$work/apt.conf" <<END
Dir::State "$work/state";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "$work/cache";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END
	apt="apt-get -c=$work/apt.conf"
	echo "fetching package lists" >&2
	$apt -qq update >&2 || die "apt-get update failed: is there a network?"
}

unpack() {
	if command -v dpkg-deb >/dev/null; then
		dpkg-deb -x "$1" "$2"
		return
	fi
	mkdir -p "$2"
	(cd "$2" && ar x "$1" && tar xf data.tar.*)
}

# fetch downloads, checks and unpacks the manifest's packages to $work/prefix.
fetch() {
	command -v apt-get >/dev/null ||
		die "this is no Debian: install PMDK 1.12 or build it, then run scripts/vendor.sh --prefix DIR"
	arch=$(dpkg --print-architecture)
	grep -v '^#' "$pmdk/manifest" | awk -v arch="$arch" '$3 == arch' >"$work/wanted"
	[ -s "$work/wanted" ] ||
		die "the manifest has no packages for $arch: use scripts/vendor.sh --prefix DIR"

	apt=apt-get
	read -r package version _ <"$work/wanted"
	$apt --print-uris download "$package=$version" >/dev/null 2>&1 || private_apt

	mkdir "$work/debs" "$work/prefix"
	if [ "$(id -u)" = 0 ]; then # apt downloads as a user of its own
		chmod 755 "$work"
		chown _apt "$work/debs" 2>/dev/null || :
	fi
	while read -r package version _ sum; do
		(cd "$work/debs" && $apt -qq download "$package=$version") >&2 ||
			die "apt has no $package $version (Debian 12 has it): install PMDK 1.12 in another way, then run scripts/vendor.sh --prefix DIR"
		deb=$(echo "$work/debs/${package}_"*.deb)
		echo "$sum  $deb" | sha256sum --check --status ||
			die "$(basename "$deb") is not what the manifest pins: expected SHA-256 $sum, found $(sha256sum "$deb" | cut -d' ' -f1)"
		unpack "$deb" "$work/prefix"
	done <"$work/wanted"
	prefix=$work/prefix/usr
}

# archives prints the folder under a prefix that holds libpmem.a.
archives() {
	for dir in "$1"/lib/*-linux-gnu "$1/lib64" "$1/lib"; do
		if [ -e "$dir/libpmem.a" ]; then
			echo "$dir"
			return
		fi
	done
	die "no libpmem.a under $1/lib: PMDK's static archives are needed"
}

version=
case "${1-}" in
"") fetch ;;
--prefix)
	[ -n "${2-}" ] || die "--prefix needs a folder"
	prefix=$2
	;;
*) die "usage: scripts/vendor.sh [--prefix DIR]" ;;
esac

[ -e "$prefix/include/libpmem.h" ] || die "no libpmem.h in $prefix/include"
lib=$(archives "$prefix")
if [ -z "$version" ]; then
	version=$(sed -n 's/^version=//p' "$lib/pkgconfig/libpmem.pc" 2>/dev/null || :)
fi

# Collect first, then put in place; libpmemblk and libpmemlog may be missing
# (PMDK 2.0 dropped them), the others may not.
mkdir -p "$work/include" "$work/lib"
for name in libpmem libpmem2 libpmemobj libpmempool libpmemblk libpmemlog; do
	if [ ! -e "$lib/$name.a" ] || [ ! -e "$prefix/include/$name.h" ]; then
		case $name in
		libpmemblk | libpmemlog) continue ;;
		esac
		die "$prefix has no $name"
	fi
	cp "$lib/$name.a" "$work/lib/"
	cp "$prefix/include/$name.h" "$work/include/"
	if [ -d "$prefix/include/$name" ]; then
		mkdir "$work/include/$name"
		cp "$prefix/include/$name"/*.h "$work/include/$name/"
	fi
done

# pmdk_version.h is removed first and written last: it marks a complete set.
rm -f "$pmdk/pmdk_version.h" "$pmdk/include"/*.h "$pmdk/include"/*/*.h "$pmdk/lib"/*.a
for dir in include include/libpmem2 include/libpmemobj; do
	mkdir -p "$pmdk/$dir"
	mv "$work/$dir"/*.h "$pmdk/$dir/"
done
mv "$work/lib"/*.a "$pmdk/lib/"
sum=$(cd "$pmdk" && cat lib/*.a include/*.h include/*/*.h | sha256sum | cut -d' ' -f1)
cat >"$pmdk/pmdk_version.h" <<END
/* Written by scripts/vendor.sh. */
#define PMDK_VERSION "${version:-unknown}"
#define PMDK_SUM "$sum"
END
echo "PMDK ${version:-of unknown version} is in third_party/pmdk" >&2
