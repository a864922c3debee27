/*
 * rd_like.c - CSV records that begin as an earlier one did.
 *
 * In a narrow stream most of a record is known before it is read: ship and time are those of the
 * record before, and channels come in the same order again and again. To compare bytes is cheaper
 * than to look for commas in them.
 */
#include "stream/block.h"
#include "stream/rd_impl.h"

/*
 * The end of a value of plain text: a comma, a line end, or what makes it less than plain, that is
 * all bytes below '#' as signed ones: blanks, controls, quotes and parts of UTF-8. NULL when it is
 * not in the window.
 */
static inline const char *find_stop(const char *p, const char *end)
{
#ifdef BLOCKS
	_Static_assert(IN_SLACK >= 2 * BLOCK, "blocks reach behind the window");

	/* two blocks at a time: most values end in them */
	for (; p < end; p += 2 * BLOCK) {
		block one = block_at(p), two = block_at(p + BLOCK);
		unsigned stops =
			block_bits(block_or(block_is(one, ','), block_below(one, '#'))) |
			block_bits(block_or(block_is(two, ','), block_below(two, '#'))) << BLOCK;

		if (stops) {
			p += __builtin_ctz(stops);
			break;
		}
	}
#else
	while (p < end && *p != ',' && (signed char)*p >= '#')
		p++;
#endif
	return p < end ? p : NULL;
}

bool rd_learn(struct rd *rd, const struct rec *rec)
{
	struct sl head;

	rd->learned = false;
	if (rd->format != FMT_CSV || rd->sep != ',' || rd->conf.null || rd->conf.ragged ||
	    rd->cols.n < 2 || rec->n != rd->cols.n)
		return false;
	for (size_t i = 0; i + 1 < rec->n; i++)
		if (!rec->f[i].plain) /* only a field as it stands in the record is */
			return false;
	head = (struct sl){ rec->raw.p, (size_t)(rec->f[rec->n - 2].p - rec->raw.p) };
	if (rd->head.n != head.n || !same_bytes(rd->head.p, head.p, head.n)) {
		str_set(&rd->head, head);
	}
	return rd->learned = true;
}

bool rd_next_like(struct rd *rd, struct sl name, struct field *last)
{
	struct sl w = in_window(rd->in), value;
	size_t before = rd->head.n + name.n + 1;
	const char *stop, *lf;

	if (!rd->learned || w.n <= before || w.p[before - 1] != ',' ||
	    !same_bytes(w.p + rd->head.n, name.p, name.n) ||
	    !same_bytes(w.p, rd->head.p, rd->head.n))
		return false;
	stop = find_stop(w.p + before, w.p + w.n);
	if (!stop)
		return false;
	lf = stop + rd->sealed; /* behind the comma before the empty field of the seal */
	if (*stop != (rd->sealed ? ',' : '\n') || lf >= w.p + w.n || *lf != '\n')
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
