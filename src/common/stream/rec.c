#include "stream/rec.h"

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
