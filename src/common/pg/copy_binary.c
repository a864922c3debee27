#include "pg/copy_binary.h"

/* PGCOPY, newline, 0xff, CR, LF, NUL; four bytes of flags; four bytes: length of an extension. */
static const char header[19] = "PGCOPY\n\377\r\n";

void copy_too_short(void)
{
	bug("a message of COPY is too short");
}

bool copy_row(bool *begun, struct sl *m, size_t n)
{
	if (UNLIKELY(!*begun)) {
		if (m->n < sizeof header || memcmp(m->p, header, sizeof header) != 0)
			bug("not the header of a binary COPY");
		sl_skip(m, sizeof header);
		*begun = true;
	}
	if (m->n < 2)
		copy_too_short();
	if (UNLIKELY(copy_load16(m->p) != n)) {
		if (copy_load16(m->p) == UINT16_MAX)
			return false;
		bug("COPY sent %u columns, not %zu", copy_load16(m->p), n);
	}
	sl_skip(m, 2);
	return true;
}
