/* SPDX-License-Identifier: BSD-3-Clause */

#if !__has_include(<libpmemlog.h>)
#error "libpmemlog.h is missing: PMDK 2.0 and later have no libpmemlog. For PMDK 1.12 run `make setup` (or scripts/vendor.sh, without root) in the root of pmdk-go; on Debian and Ubuntu `apt-get install libpmemlog-dev` does as well"
#endif
#include <libpmemlog.h>
