/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * ex_common.h -- what PMDK's examples of logs include and the package with
 * them lacks.
 */
#include <sys/stat.h>
#include <unistd.h>

#define CREATE_MODE_RW (S_IWUSR | S_IRUSR)
