/* SPDX-License-Identifier: BSD-3-Clause */

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <libpmem.h>
#include <libpmemblk.h>
#include <libpmemlog.h>
#include <libpmemobj.h>
#include <libpmempool.h>

#include "check.h"

static char path[PATH_MAX];

static const char *
in(const char *dir, const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

const char *
pmemgo_check_pmem(const char *dir)
{
	size_t len;
	int is_pmem;
	char *p = pmem_map_file(in(dir, "map"), 4096, PMEM_FILE_CREATE, 0600,
		&len, &is_pmem);
	if (p == NULL)
		return pmem_errormsg();
	memcpy(p, "durable", 8);
	if (is_pmem)
		pmem_persist(p, 8);
	else if (pmem_msync(p, 8))
		return pmem_errormsg();
	if (pmem_unmap(p, len))
		return pmem_errormsg();
	return NULL;
}

const char *
pmemgo_check_obj(const char *dir)
{
	PMEMobjpool *pop = pmemobj_create(in(dir, "obj"), "linkcheck",
		PMEMOBJ_MIN_POOL, 0600);
	if (pop == NULL)
		return pmemobj_errormsg();
	PMEMoid root = pmemobj_root(pop, 64);
	const char *msg = OID_IS_NULL(root) ? pmemobj_errormsg() : NULL;
	pmemobj_close(pop);
	return msg;
}

const char *
pmemgo_check_blk(const char *dir)
{
	char out[512] = "a block", back[512];
	PMEMblkpool *pbp = pmemblk_create(in(dir, "blk"), sizeof(out),
		PMEMBLK_MIN_POOL, 0600);
	if (pbp == NULL)
		return pmemblk_errormsg();
	const char *msg = NULL;
	if (pmemblk_write(pbp, out, 7) || pmemblk_read(pbp, back, 7))
		msg = pmemblk_errormsg();
	else if (memcmp(out, back, sizeof(out)))
		msg = "a block reads back differently";
	pmemblk_close(pbp);
	return msg;
}

const char *
pmemgo_check_log(const char *dir)
{
	PMEMlogpool *plp = pmemlog_create(in(dir, "log"), PMEMLOG_MIN_POOL,
		0600);
	if (plp == NULL)
		return pmemlog_errormsg();
	const char *msg = NULL;
	if (pmemlog_append(plp, "entry", 5))
		msg = pmemlog_errormsg();
	else if (pmemlog_tell(plp) != 5)
		msg = "the log is not 5 bytes long";
	pmemlog_close(plp);
	return msg;
}

const char *
pmemgo_check_pool(const char *dir)
{
	struct pmempool_check_args args = {
		.path = in(dir, "obj"),
		.pool_type = PMEMPOOL_POOL_TYPE_OBJ,
		.flags = PMEMPOOL_CHECK_FORMAT_STR,
	};
	PMEMpoolcheck *ppc = pmempool_check_init(&args, sizeof(args));
	if (ppc == NULL)
		return pmempool_errormsg();
	while (pmempool_check(ppc) != NULL)
		;
	if (pmempool_check_end(ppc) != PMEMPOOL_CHECK_RESULT_CONSISTENT)
		return "pmempool_check: the pool is not consistent";
	return NULL;
}

const char *
pmemgo_check_remote(const char *dir)
{
	FILE *f = fopen(in(dir, "remote.set"), "w");
	if (f == NULL)
		return "cannot write a pool set file";
	fprintf(f, "PMEMPOOLSET\n8M %s/part\nREPLICA nobody@localhost remote.set\n",
		dir);
	fclose(f);
	PMEMobjpool *pop = pmemobj_create(path, "linkcheck", 0, 0600);
	if (pop == NULL)
		return pmemobj_errormsg();
	pmemobj_close(pop);
	return NULL;
}
