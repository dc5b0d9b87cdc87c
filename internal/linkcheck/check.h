/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * check.h -- one short job for each of PMDK's five libraries, on files below
 * dir. Every function returns NULL or a message; pmemgo_check_remote expects
 * a failure and returns that of the library.
 */
#ifndef LINKCHECK_CHECK_H
#define LINKCHECK_CHECK_H

const char *pmemgo_check_pmem(const char *dir);
const char *pmemgo_check_obj(const char *dir);
const char *pmemgo_check_blk(const char *dir);
const char *pmemgo_check_log(const char *dir);
const char *pmemgo_check_pool(const char *dir);
const char *pmemgo_check_remote(const char *dir);

#endif
