/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * ndctl.h -- the functions of libndctl and libdaxctl that PMDK's static
 * archives call, as tables, and the state of looking them up.
 *
 * Handles of both libraries are opaque here, so `void *` stands for all of
 * them.
 */
#ifndef PMEMGO_NDCTL_H
#define PMEMGO_NDCTL_H

/*
 * F(return type, name, parameters, arguments, answer without the library)
 *
 * The answers are those of a machine without NVDIMMs: no object, unknown
 * size, "no such device". ndctl_new, ndctl_unref and ndctl_cmd_unref are not
 * in the tables: they are written out in ndctl.c.
 */
#define PMEMGO_NDCTL_FUNCTIONS(F) \
	F(void *, ndctl_bus_get_first, (void *ctx), (ctx), NULL) \
	F(void *, ndctl_bus_get_next, (void *bus), (bus), NULL) \
	F(const char *, ndctl_bus_get_provider, (void *bus), (bus), NULL) \
	F(void *, ndctl_bus_cmd_new_ars_cap, (void *bus, \
		unsigned long long address, unsigned long long len), \
		(bus, address, len), NULL) \
	F(void *, ndctl_bus_cmd_new_clear_error, (unsigned long long address, \
		unsigned long long len, void *ars_cap), \
		(address, len, ars_cap), NULL) \
	F(int, ndctl_cmd_ars_cap_get_range, (void *cmd, void *range), \
		(cmd, range), -ENODEV) \
	F(unsigned long long, ndctl_cmd_clear_error_get_cleared, (void *cmd), \
		(cmd), 0) \
	F(int, ndctl_cmd_submit, (void *cmd), (cmd), -ENODEV) \
	F(void *, ndctl_region_get_first, (void *bus), (bus), NULL) \
	F(void *, ndctl_region_get_next, (void *region), (region), NULL) \
	F(void *, ndctl_region_get_bus, (void *region), (region), NULL) \
	F(unsigned int, ndctl_region_get_id, (void *region), (region), ~0u) \
	F(int, ndctl_region_get_numa_node, (void *region), (region), -ENODEV) \
	F(unsigned long long, ndctl_region_get_resource, (void *region), \
		(region), ~0ull) \
	F(void *, ndctl_region_get_first_badblock, (void *region), (region), \
		NULL) \
	F(void *, ndctl_region_get_next_badblock, (void *region), (region), \
		NULL) \
	F(void *, ndctl_region_get_first_dimm, (void *region), (region), NULL) \
	F(void *, ndctl_region_get_next_dimm, (void *region, void *dimm), \
		(region, dimm), NULL) \
	F(long long, ndctl_dimm_get_dirty_shutdown, (void *dimm), (dimm), \
		-ENODEV) \
	F(const char *, ndctl_dimm_get_unique_id, (void *dimm), (dimm), NULL) \
	F(void *, ndctl_namespace_get_first, (void *region), (region), NULL) \
	F(void *, ndctl_namespace_get_next, (void *ns), (ns), NULL) \
	F(void *, ndctl_namespace_get_btt, (void *ns), (ns), NULL) \
	F(void *, ndctl_namespace_get_dax, (void *ns), (ns), NULL) \
	F(void *, ndctl_namespace_get_pfn, (void *ns), (ns), NULL) \
	F(int, ndctl_namespace_get_mode, (void *ns), (ns), -ENODEV) \
	F(unsigned long long, ndctl_namespace_get_resource, (void *ns), (ns), \
		~0ull) \
	F(unsigned long long, ndctl_namespace_get_size, (void *ns), (ns), \
		~0ull) \
	F(const char *, ndctl_namespace_get_block_device, (void *ns), (ns), \
		NULL) \
	F(void *, ndctl_namespace_get_first_badblock, (void *ns), (ns), NULL) \
	F(void *, ndctl_namespace_get_next_badblock, (void *ns), (ns), NULL) \
	F(const char *, ndctl_btt_get_block_device, (void *btt), (btt), NULL) \
	F(const char *, ndctl_pfn_get_block_device, (void *pfn), (pfn), NULL) \
	F(unsigned long long, ndctl_pfn_get_resource, (void *pfn), (pfn), \
		~0ull) \
	F(unsigned long long, ndctl_pfn_get_size, (void *pfn), (pfn), ~0ull) \
	F(unsigned long, ndctl_dax_get_align, (void *dax), (dax), ~0ul) \
	F(void *, ndctl_dax_get_daxctl_region, (void *dax), (dax), NULL) \
	F(unsigned long long, ndctl_dax_get_resource, (void *dax), (dax), \
		~0ull) \
	F(unsigned long long, ndctl_dax_get_size, (void *dax), (dax), ~0ull)

#define PMEMGO_DAXCTL_FUNCTIONS(F) \
	F(const char *, daxctl_dev_get_devname, (void *dev), (dev), NULL) \
	F(void *, daxctl_dev_get_first, (void *region), (region), NULL) \
	F(void *, daxctl_dev_get_next, (void *dev), (dev), NULL)

/*
 * pmemgo_ndctl_load -- look the libraries up, once in a process; returns 1
 * if every function was found, 0 if PMDK gets the answers of the tables.
 */
int pmemgo_ndctl_load(void);

/* pmemgo_ndctl_reason -- why the load failed; empty if it did not. */
const char *pmemgo_ndctl_reason(void);

/*
 * pmemgo_ndctl_names -- look for other files than libndctl.so.6 and
 * libdaxctl.so.1. The strings must stay. Without effect after the first
 * load; meant for tests.
 */
void pmemgo_ndctl_names(const char *ndctl, const char *daxctl);

#endif
