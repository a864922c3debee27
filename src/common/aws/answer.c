#include "aws/answer.h"

#include "core/clock.h"

enum { STATUS_LINE, HEADER, BODY, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER, END };

void answer_reset(struct answer *a, bool is_head)
{
	struct str head = a->head, body = a->body, line = a->line;

	*a = (struct answer){.head = head, .body = body, .line = line};
	str_clear(&a->head);
	str_clear(&a->body);
	str_clear(&a->line);
	a->is_head = is_head;
	a->length = UINT64_MAX;
	a->keep_alive = true;
	a->step = STATUS_LINE;
}

void answer_free(struct answer *a)
{
	str_free(&a->head);
	str_free(&a->body);
	str_free(&a->line);
}

static enum answer_state bad(struct answer *a, const char *why)
{
	a->why = why;
	return ANSWER_BAD;
}

#define BLANKS " \t"

/* HTTP/1.x NNN reason */
static enum answer_state status_line(struct answer *a, struct sl line)
{
	uint64_t status;

	if (line.n < 12 || memcmp(line.p, "HTTP/1.", 7) != 0 || line.p[8] != ' ' ||
		(line.n > 12 && line.p[12] != ' ') ||
		!num_u64((struct sl){line.p + 9, 3}, &status) || status < 100)
		return bad(a, "the answer is not HTTP/1.1");
	a->status = (int)status;
	a->keep_alive = line.p[7] != '0';
	a->step = HEADER;
	return ANSWER_MORE;
}

static enum answer_state framing_header(struct answer *a, struct sl name, struct sl value)
{
	uint64_t n;

	if (sl_alike(name, SL("content-length"))) {
		if (!num_u64(value, &n) || (a->length != UINT64_MAX && a->length != n))
			return bad(a, "bad Content-Length");
		a->length = n;
	} else if (sl_alike(name, SL("transfer-encoding"))) {
		if (a->chunked || !sl_alike(value, SL("chunked")))
			return bad(a, "unknown Transfer-Encoding");
		a->chunked = true;
	} else if (sl_alike(name, SL("connection"))) {
		if (sl_alike(value, SL("close")))
			a->keep_alive = false;
	}
	return ANSWER_MORE;
}

/* What follows the head is decided here (RFC 9112 section 6.3). */
static enum answer_state end_of_head(struct answer *a)
{
	if (a->status < 200) { /* 100 Continue, 103 Early Hints: another head follows */
		if (a->status == 101)
			return bad(a, "the server switched protocols");
		str_clear(&a->head);
		a->length = UINT64_MAX;
		a->chunked = false;
		a->step = STATUS_LINE;
		return ANSWER_MORE;
	}
	if (a->chunked && a->length != UINT64_MAX)
		return bad(a, "both Content-Length and Transfer-Encoding");
	if (a->is_head || a->status == 204 || a->status == 304) {
		a->step = END;
		return ANSWER_WHOLE;
	}
	if (a->chunked) {
		a->step = CHUNK_SIZE;
		return ANSWER_MORE;
	}
	if (a->length == UINT64_MAX)
		return bad(a, "no Content-Length: nobody can tell whether the answer is whole");
	a->left = a->length;
	a->step = a->left ? BODY : END;
	return a->left ? ANSWER_MORE : ANSWER_WHOLE;
}

static enum answer_state header_line(struct answer *a, struct sl line)
{
	const char *colon;
	struct sl name;

	if (line.n == 0)
		return end_of_head(a);
	colon = memchr(line.p, ':', line.n);
	name = (struct sl){line.p, colon ? (size_t)(colon - line.p) : 0};
	if (name.n == 0 || sl_blank(name.p[0]) || sl_blank(name.p[name.n - 1]))
		return bad(a, "a line of the answer's head is no header");
	if ((name.p[0] | 0x20) != 'c' && (name.p[0] | 0x20) != 't')
		return ANSWER_MORE; /* none of those that frame the body */
	return framing_header(
		a, name,
		sl_trim((struct sl){colon + 1, (size_t)(line.p + line.n - colon - 1)}, BLANKS));
}

static enum answer_state chunk_size(struct answer *a, struct sl line)
{
	struct sl digits = {line.p, 0};
	uint64_t size;

	while (digits.n < line.n && line.p[digits.n] != ';' && !sl_blank(line.p[digits.n]))
		digits.n++;
	if (!num_hex(digits, true, &size))
		return bad(a, "bad chunk size");
	a->left = size;
	a->step = size ? CHUNK : TRAILER;
	return ANSWER_MORE;
}

static enum answer_state whole_line(struct answer *a, struct sl line)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	switch (a->step) {
	case STATUS_LINE:
		return status_line(a, line);
	case HEADER:
		return header_line(a, line);
	case CHUNK_SIZE:
		return chunk_size(a, line);
	case CHUNK_END:
		a->step = CHUNK_SIZE;
		return line.n ? bad(a, "a chunk does not end where it should") : ANSWER_MORE;
	default: /* TRAILER */
		if (line.n)
			return ANSWER_MORE;
		a->step = END;
		return ANSWER_WHOLE;
	}
}

/* A line, which may have come in pieces; those of the head are kept there, in place. */
static enum answer_state feed_line(struct answer *a, struct sl *in)
{
	bool of_head = a->step == STATUS_LINE || a->step == HEADER;
	struct str *to = of_head ? &a->head : &a->line;
	const char *eol = memchr(in->p, '\n', in->n);
	size_t n = eol ? (size_t)(eol - in->p) + 1 : in->n, start;
	struct sl line;

	if (to->n + n > ANSWER_MAX_HEAD)
		return bad(a, "the answer's head is too long");
	str_add(to, (struct sl){in->p, n});
	sl_skip(in, n);
	if (!eol)
		return ANSWER_MORE;
	start = to->n - 1;
	while (start > 0 && to->p[start - 1] != '\n')
		start--;
	line = (struct sl){to->p + start, to->n - 1 - start};
	if (!of_head) {
		enum answer_state s = whole_line(a, line);

		str_clear(&a->line);
		return s;
	}
	return whole_line(a, line);
}

static enum answer_state feed_body(struct answer *a, struct sl *in)
{
	struct sl piece = {in->p, in->n < a->left ? in->n : (size_t)a->left};

	sl_skip(in, piece.n);
	a->left -= piece.n;
	a->body_size += piece.n;
	if (a->sink && a->status < 300) {
		if (!a->sink(a->sink_ctx, piece))
			return ANSWER_REFUSED;
	} else {
		if (a->body.n + piece.n > a->max_body)
			return ANSWER_TOO_BIG;
		str_add(&a->body, piece);
	}
	if (a->left)
		return ANSWER_MORE;
	a->step = a->step == CHUNK ? CHUNK_END : END;
	return a->step == END ? ANSWER_WHOLE : ANSWER_MORE;
}

enum answer_state answer_feed(struct answer *a, struct sl *in)
{
	enum answer_state s = ANSWER_MORE;

	if (in->n)
		a->began = true;
	while (s == ANSWER_MORE && in->n)
		s = a->step == BODY || a->step == CHUNK ? feed_body(a, in) : feed_line(a, in);
	return s;
}

struct sl answer_header(const struct answer *a, const char *name)
{
	size_t len = strlen(name);
	const char *p = a->head.p, *end = p + a->head.n, *eol;

	for (; p && p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol)
			break;
		if ((size_t)(eol - p) > len && p[len] == ':' && strncasecmp(p, name, len) == 0) {
			const char *last = eol > p && eol[-1] == '\r' ? eol - 1 : eol;

			return sl_trim(
				(struct sl){p + len + 1, (size_t)(last - p - (ptrdiff_t)len - 1)},
				BLANKS);
		}
	}
	return SL("");
}

bool answer_date(const struct answer *a, const char *name, int64_t *instant)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct sl s = answer_header(a, name);
	char iso[32], month[4] = "";
	const char *at;

	if (s.n != 29 || s.p[3] != ',' || !sl_eq_str((struct sl){s.p + 26, 3}, "GMT"))
		return false;
	memcpy(month, s.p + 8, 3);
	at = strstr(months, month);
	if (!at || (at - months) % 3)
		return false;
	snprintf(iso, sizeof iso, "%.4s-%02d-%.2sT%.8sZ", s.p + 12, (int)((at - months) / 3 + 1),
		s.p + 5, s.p + 17);
	return clock_parse(sl_of(iso), instant);
}
