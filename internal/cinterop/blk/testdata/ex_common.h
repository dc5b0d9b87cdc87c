/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * ex_common.h -- what PMDK's C examples include under this name, and the
 * package that brings them leaves out.
 */
#ifndef EX_COMMON_H
#define EX_COMMON_H

#include <sys/stat.h>

#define CREATE_MODE_RW (S_IRUSR | S_IWUSR)

#endif
