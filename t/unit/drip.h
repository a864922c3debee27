/* drip.h - a pipe whose reader gets the text in pieces, for tests of what may be cut anywhere. */
#ifndef FERRY_DRIP_H
#define FERRY_DRIP_H

#include "core/base.h"

#include <unistd.h>

/* An input that arrives `step` bytes at a time: exactly one piece is there at each read. */
struct drip {
	struct sl left;
	size_t step;
	int fd; /* write end */
};

static inline void drip_next(void *ctx)
{
	struct drip *d = ctx;
	size_t n = d->left.n < d->step ? d->left.n : d->step;

	if (d->fd < 0)
		return;
	if (n && write(d->fd, d->left.p, n) != (ssize_t)n)
		_exit(99);
	d->left.p += n;
	d->left.n -= n;
	if (d->left.n == 0) {
		(void)close(d->fd);
		d->fd = -1;
	}
}

#endif
