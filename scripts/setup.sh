#!/bin/sh
# Brings what building needs and, with the argument "test", what some tests
# drive; it is silent when nothing is missing. As root, or with sudo, it
# installs packages; with neither it puts PMDK under third_party/pmdk
# (scripts/vendor.sh) and leaves the system alone.
set -eu

what=${1:-build}
root=$(cd "$(dirname "$0")/.." && pwd)
pmdk=$root/third_party/pmdk

die() {
	echo "setup.sh: $*" >&2
	exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

has go || die "Go is missing: see go.dev/doc/install"
cc=$(go env CC)

vendored() { [ -e "$pmdk/pmdk_version.h" ]; }

# header and archive ask the compiler, which knows the system's folders.
header() { echo "#include <$1>" | $cc -E -x c - >/dev/null 2>&1; }
archive() { [ "$($cc -print-file-name="$1")" != "$1" ]; }

system_pmdk() {
	for name in libpmem libpmemobj libpmempool libpmemblk libpmemlog; do
		header "$name.h" && archive "$name.a" || return 1
	done
}

# needed prints the packages without which nothing can be built.
needed() {
	has $cc || echo gcc libc6-dev
	if ! has $cc || { ! vendored && ! system_pmdk; }; then
		echo libpmem-dev libpmem2-dev libpmemobj-dev libpmempool-dev libpmemblk-dev libpmemlog-dev
	fi
}

# wanted prints those without which some tests are skipped.
wanted() {
	has make || echo make
	has pkg-config || echo pkg-config
	has pmempool || echo pmdk-tools
	# PMDK's C examples, unless this system leaves out documentation.
	[ -e /usr/share/doc/libpmemobj-dev/examples ] || dpkg -s libpmemobj-dev >/dev/null 2>&1 || echo libpmemobj-dev
	[ "$what" = test ] || return 0
	# Clients of the example blockstore-nbd.
	has nbdinfo && has nbdcopy || echo libnbd-bin
	has qemu-img || echo qemu-utils
	has fio || echo fio
}

# available prints those of its arguments that the distribution has.
available() {
	for package in "$@"; do
		! apt-cache show "$package" >/dev/null 2>&1 || echo "$package"
	done
}

install() {
	"$@" apt-get -qq update >/dev/null
	wanted=$(available $wanted)
	[ -n "$needed$wanted" ] || return 0
	echo "installing:" $needed $wanted >&2
	"$@" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $needed $wanted >/dev/null
}

needed=$(needed)
wanted=$(wanted)
[ -n "$needed$wanted" ] || exit 0

if has apt-get; then
	if [ "$(id -u)" = 0 ]; then
		install
		exit
	fi
	if has sudo; then
		# A password is asked for only where it matters and somebody can type it.
		if sudo -n true 2>/dev/null || { [ -n "$needed" ] && [ -t 0 ] && sudo -v; }; then
			install sudo
			exit
		fi
	fi
fi

has $cc || die "a C compiler is missing, and without root it cannot be installed (Debian: gcc, libc6-dev)"
vendored || system_pmdk || "$root/scripts/vendor.sh"
