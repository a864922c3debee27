#include "stream/rec.h"

struct field *fields_dup(struct arena *mem, const struct field *f, size_t n, size_t *bytes)
{
	struct field *copy = arena_alloc(mem, mem_mul(n, sizeof *copy));

	for (size_t i = 0; i < n; i++) {
		copy[i] = f[i];
		copy[i].p = arena_dup(mem, field_sl(&f[i])).p;
		*bytes += sizeof *copy + f[i].n;
	}
	return copy;
}

void rec_pack(struct str *s, const struct field *f)
{
	uint32_t head[2] = { f->n, (uint32_t)f->kind | (uint32_t)f->plain << 8 };

	str_add(s, (struct sl){ (const char *)head, sizeof head });
	str_add(s, field_sl(f));
}

const char *rec_unpack(const char *p, struct field *f)
{
	uint32_t head[2];

	memcpy(head, p, sizeof head);
	p += sizeof head;
	*f = (struct field){ .p = p,
			     .n = head[0],
			     .kind = (uint8_t)(head[1] & 0xff),
			     .plain = (uint8_t)(head[1] >> 8) };
	return p + f->n;
}

bool field_word(struct field *f, struct sl word)
{
	*f = (struct field){ .p = word.p, .n = (uint32_t)word.n, .kind = F_NUM, .plain = 1 };
	if (sl_eq(word, SL("null")))
		*f = FIELD_NULL;
	else if (sl_eq(word, SL("true")) || sl_eq(word, SL("false")))
		f->kind = F_BOOL;
	else
		return num_is_json(word);
	return true;
}
