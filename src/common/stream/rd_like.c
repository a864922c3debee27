/*
 * rd_like.c - CSV records that begin as an earlier one did.
 *
 * In a narrow stream most of a record is known before it is read: ship and time are those of the
 * record before, and channels come in the same order again and again. To compare bytes is cheaper
 * than to look for commas in them.
 */
#include "stream/rd_impl.h"

#ifdef __SSE2__
#include <emmintrin.h>

#define BLOCK 16

static inline bool same_block(const char *a, const char *b)
{
	__m128i x = _mm_loadu_si128((const __m128i *)(const void *)a);
	__m128i y = _mm_loadu_si128((const __m128i *)(const void *)b);

	return _mm_movemask_epi8(_mm_cmpeq_epi8(x, y)) == 0xffff;
}

/* memcmp() == 0 without a call; the last block overlaps the one before. */
static inline bool same(const char *a, const char *b, size_t n)
{
	if (n < BLOCK)
		return memcmp(a, b, n) == 0;
	for (size_t i = 0; i + BLOCK < n; i += BLOCK)
		if (!same_block(a + i, b + i))
			return false;
	return same_block(a + n - BLOCK, b + n - BLOCK);
}

/* Commas and all bytes that are signed below it, which are controls, quotes and parts of UTF-8. */
static inline unsigned stops_in(const char *p)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i comma = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(','));

	return (unsigned)_mm_movemask_epi8(
		_mm_or_si128(comma, _mm_cmplt_epi8(bytes, _mm_set1_epi8('#'))));
}

/*
 * The end of a value of plain text: a comma, a line end, or what makes it less than plain; NULL
 * when it is not in the window. Two blocks at a time: most values end in them.
 */
static inline const char *find_stop(const char *p, const char *end)
{
	_Static_assert(IN_SLACK >= 2 * BLOCK, "blocks reach behind the window");

	for (; p < end; p += 2 * BLOCK) {
		unsigned stops = stops_in(p) | stops_in(p + BLOCK) << BLOCK;

		if (stops) {
			p += __builtin_ctz(stops);
			return p < end ? p : NULL;
		}
	}
	return NULL;
}
#else
static inline bool same(const char *a, const char *b, size_t n)
{
	return memcmp(a, b, n) == 0;
}

static inline const char *find_stop(const char *p, const char *end)
{
	while (p < end && *p != ',' && (signed char)*p >= '#')
		p++;
	return p < end ? p : NULL;
}
#endif

bool rd_learn(struct rd *rd, const struct rec *rec)
{
	struct sl head;

	rd->learned = false;
	if (rd->format != FMT_CSV || rd->conf.columns || rd->cols.n < 2 || rec->n != rd->cols.n)
		return false;
	for (size_t i = 0; i + 1 < rec->n; i++)
		if (!rec->f[i].plain) /* only a field as it stands in the record is */
			return false;
	head = (struct sl){ rec->raw.p, (size_t)(rec->f[rec->n - 2].p - rec->raw.p) };
	if (rd->head.n != head.n || !same(rd->head.p, head.p, head.n)) {
		str_clear(&rd->head);
		str_add(&rd->head, head);
	}
	return rd->learned = true;
}

bool rd_next_like(struct rd *rd, struct sl name, struct field *last)
{
	struct sl w = in_window(rd->in), value;
	size_t before = rd->head.n + name.n + 1;
	const char *stop, *lf;

	if (!rd->learned || w.n <= before || w.p[before - 1] != ',' ||
	    !same(w.p + rd->head.n, name.p, name.n) || !same(w.p, rd->head.p, rd->head.n))
		return false;
	stop = find_stop(w.p + before, w.p + w.n);
	lf = stop + rd->sealed; /* behind the comma before the empty field of the seal */
	if (!stop || *stop != (rd->sealed ? ',' : '\n') || lf >= w.p + w.n || *lf != '\n')
		return false;
	value = (struct sl){ w.p + before, (size_t)(stop - w.p) - before };
	*last = (struct field){ .p = value.p,
				.n = (uint32_t)value.n,
				.kind = value.n ? F_STR : F_NULL,
				.plain = value.n > 0 };
	rd->records++;
	rd->rows++;
	rd_take(rd, (size_t)(lf + 1 - w.p), 1);
	return true;
}
