/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <unistd.h>

#include "pmemgo.h"

int __real_posix_fallocate(int fd, off_t offset, off_t len);
int __wrap_posix_fallocate(int fd, off_t offset, off_t len);

int
__wrap_posix_fallocate(int fd, off_t offset, off_t len)
{
	sigset_t saved;
	pmemgo_block_signals(&saved);
	int err = __real_posix_fallocate(fd, offset, len);
	/*
	 * The pool is about to say, in another file, that it has this one. The
	 * file must not be lost then if the power fails.
	 */
	if (err == 0 && fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
		err = errno;
	pmemgo_unblock_signals(&saved);
	return err;
}
