/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * pmdk_headers.h -- says once, in words, that PMDK is not there. Package
 * pmdk includes it; as every binding imports that package, none of them is
 * compiled before this check has passed, and they include PMDK's headers
 * plainly.
 */
#ifndef PMDK_HEADERS_H
#define PMDK_HEADERS_H

#if !__has_include(<libpmem.h>) || !__has_include(<libpmemobj.h>) || \
	!__has_include(<libpmempool.h>)
#error "PMDK's headers are missing: run `make setup` (or scripts/vendor.sh, without root) in the root of pmdk-go; on Debian and Ubuntu `apt-get install libpmemobj-dev libpmempool-dev libpmemblk-dev libpmemlog-dev` does as well"
#endif

#include <libpmem.h>
#include <libpmemobj/base.h>
#include <libpmempool.h>

/*
 * pmdk_version.h is written by scripts/vendor.sh. It stands here and not
 * beside the headers, because the go command notices changes in a package's
 * own folder only: other files in include/ and lib/ would go unnoticed.
 */
#if __has_include("pmdk_version.h")
#include "pmdk_version.h"
#else
#define PMDK_VERSION ""
#define PMDK_SUM ""
#endif

#endif
