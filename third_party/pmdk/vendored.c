/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * vendored.c -- carries the checksum of the vendored files into the compiled
 * package, so that it, and with it every binding and every program, is built
 * anew when scripts/vendor.sh has put other files in place.
 */

#include "pmdk_headers.h"

__attribute__((used)) static const char pmemgo_vendored[] = PMDK_SUM;
