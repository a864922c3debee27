/* Records come back in the order and the form in which they were put, in memory or from a file. */
#include "core/spool.h"

#include "core/mem.h"
#include "tap.h"

/* Puts n records of lengths that differ, some empty, reads them back, twice; how many differ. */
static size_t round_trip(struct spool *s, size_t n, size_t longest)
{
	char *text = mem_alloc(longest + 1);
	size_t wrong = 0, i = 0;
	struct sl got;

	for (; i < n; i++) {
		size_t len = i * 7919 % (longest + 1);

		memset(text, 'a' + (int)(i % 26), len);
		spool_put(s, (struct sl){ text, len });
	}
	for (int times = 0; times < 2; times++) {
		spool_rewind(s);
		for (i = 0; spool_next(s, &got); i++) {
			size_t len = i * 7919 % (longest + 1);

			memset(text, 'a' + (int)(i % 26), len);
			wrong += !sl_eq(got, (struct sl){ text, len });
		}
		wrong += i != n;
	}
	mem_free(text);
	return wrong;
}

int main(void)
{
	struct spool s = { .n = 0 };

	tap(round_trip(&s, 0, 10) == 0, "nothing put, nothing read");
	tap(round_trip(&s, 1000, 50) == 0 && !s.filed, "a thousand short records stay in memory");
	spool_clear(&s);
	tap(s.n == 0 && round_trip(&s, 20000, 400) == 0 && s.filed, "four megabytes go to a file");
	tap(s.buf.cap < (size_t)4 << 20, "and leave no more than a buffer in memory");
	spool_clear(&s);
	tap(round_trip(&s, 3, (size_t)3 << 20) == 0, "records larger than the buffer");
	spool_clear(&s);
	tap(round_trip(&s, 1000, 50) == 0, "a cleared spool begins anew");
	spool_free(&s);
	return tap_done();
}
