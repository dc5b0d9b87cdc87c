/* SPDX-License-Identifier: BSD-3-Clause */

#if !__has_include(<libpmemblk.h>)
#error "libpmemblk.h is missing: PMDK 2.0 and later have no libpmemblk. For PMDK 1.12 run `make setup` (or scripts/vendor.sh, without root) in the root of pmdk-go; on Debian and Ubuntu `apt-get install libpmemblk-dev` does as well"
#endif
#include <libpmemblk.h>
