#include "stream/seal.h"

#include "stream/digest.h"

static const char *parse_seal(const struct json *o, struct seal *s)
{
	const struct json *src = json_get(o, "src"), *drop = json_get(o, "drop");
	uint64_t final = 0, sum;
	struct sl crc, digest;

	*s = (struct seal){ .src = SL("") };
	if (!json_get_str(o, "seal", &s->chunk) || !json_get_u64(o, "rows", &s->rows) ||
	    !json_get_u64(o, "bytes", &s->bytes) || !json_get_str(o, "crc", &crc) || crc.n != 8)
		return "malformed seal";
	if (!num_hex(crc, false, &sum))
		return "malformed checksum";
	s->crc = (uint32_t)sum;
	if (src) {
		if (src->kind != J_OBJ)
			return "malformed facts of the source";
		s->src = src->raw;
	}
	if (drop && (!json_get_u64(drop, "cells", &s->drop_cells) ||
		     !json_get_str(drop, "digest", &digest) || !digest_parse(digest, &s->drop_sum)))
		return "malformed account of dropped cells";
	if (json_get(o, "final") && (!json_get_u64(o, "final", &final) || final > 1))
		return "malformed final mark";
	s->final = final;
	return NULL;
}

static const char *parse_cols(const struct json *cols, struct control *out)
{
	if (cols->kind != J_ARR)
		return "malformed list of columns";
	for (const struct json *c = cols->child; c; c = c->next)
		if (c->kind != J_STR || c->text.n == 0)
			return "malformed list of columns";
	out->cols = cols;
	return NULL;
}

const char *control_parse(struct arena *a, struct sl text, struct control *out)
{
	const char *why;
	uint64_t v, code;
	size_t at;
	const struct json *o = json_parse(a, text, &why, &at), *cols, *begin;

	*out = (struct control){ 0 };
	if (!o)
		return why;
	if (o->kind != J_OBJ || !json_get_u64(o, "v", &v))
		return "not a control record";
	if (v != 1)
		return "a version this program does not know";
	cols = json_get(o, "cols");
	begin = json_get(o, "begin");
	if (json_get(o, "seal")) {
		out->kind = CONTROL_SEAL;
		return parse_seal(o, &out->seal);
	}
	if (cols) {
		out->kind = CONTROL_COLS;
		return parse_cols(cols, out);
	}
	if (begin) {
		out->kind = CONTROL_BEGIN;
		out->begin = begin->raw;
		return begin->kind == J_OBJ ? NULL : "malformed beginning of a chunk";
	}
	if (json_get_u64(o, "abort", &code)) {
		out->kind = CONTROL_ABORT;
		out->code = code > 255 ? 76 : (int)code;
		return json_get_str(o, "by", &out->by) && json_get_str(o, "msg", &out->msg)
			       ? NULL
			       : "malformed abort record";
	}
	out->kind = CONTROL_OPEN;
	return json_get(o, "open") ? NULL : "not a control record";
}

void seal_put_head(struct str *s, const struct seal *seal)
{
	str_addz(s, "{\"v\":1,\"seal\":");
	str_add_json(s, seal->chunk);
	str_addf(s, ",\"rows\":%llu,\"bytes\":%llu", (unsigned long long)seal->rows,
		 (unsigned long long)seal->bytes);
	if (seal->src.n) {
		str_addz(s, ",\"src\":");
		str_add(s, seal->src);
	}
	if (seal->drop_cells)
		str_addf(s, ",\"drop\":{\"cells\":%llu,\"digest\":\"%016llx\"}",
			 (unsigned long long)seal->drop_cells, (unsigned long long)seal->drop_sum);
	if (seal->final)
		str_addz(s, ",\"final\":1");
}

void seal_put_tail(struct str *s, uint32_t crc)
{
	str_addf(s, ",\"crc\":\"%08x\"}", crc);
}

void control_put_open(struct str *s)
{
	str_addz(s, "{\"v\":1,\"open\":1}");
}

void control_put_cols(struct str *s, const struct sl *names, size_t n)
{
	str_addz(s, "{\"v\":1,\"cols\":[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			str_addc(s, ',');
		str_add_json(s, names[i]);
	}
	str_addz(s, "]}");
}

void control_put_abort(struct str *s, int code, struct sl by, struct sl msg)
{
	str_addf(s, "{\"v\":1,\"abort\":%d,\"by\":", code);
	str_add_json(s, by);
	str_add_member(s, "msg", msg);
	str_addc(s, '}');
}

void seal_forget_values(struct seal *seal, struct arena *a)
{
	static const char *const of_values[] = { "cells", "digest", NULL };
	const struct json *facts;
	AUTO_STR s = { 0 };
	const char *why;
	size_t at;

	seal->drop_cells = seal->drop_sum = 0;
	if (!seal->src.n)
		return;
	facts = json_parse(a, seal->src, &why, &at);
	if (!facts)
		bug("facts of a seal that cannot be read: %s", why);
	json_put_without(&s, facts, of_values);
	seal->src = arena_dup(a, str_sl(&s));
}
