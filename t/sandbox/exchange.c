#include "exchange.h"

#include "core/clock.h"
#include "core/msg.h"

#include <stdarg.h>
#include <time.h>
#include <unistd.h>

struct exchange *exchange_new(void)
{
	struct exchange *x = mem_zalloc(sizeof *x);

	x->fd = -1;
	x->status = 200;
	return x;
}

void exchange_free(struct exchange *x)
{
	if (!x)
		return;
	if (x->fd >= 0)
		(void)close(x->fd);
	mem_free(x->headers.v);
	mem_free(x->params.v);
	mem_free(x->answer.v);
	str_free(&x->body);
	str_free(&x->out);
	arena_free(&x->mem);
	mem_free(x);
}

void fields_add(struct fields *f, struct sl name, struct sl value)
{
	mem_grow(&f->v, &f->cap, f->n + 1, sizeof *f->v);
	f->v[f->n++] = (struct field){ name, value };
}

static struct sl find(const struct fields *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (sl_eq_str(f->v[i].name, name))
			return f->v[i].value;
	return (struct sl){ NULL, 0 };
}

struct sl exchange_header(const struct exchange *x, const char *name)
{
	return find(&x->headers, name);
}

struct sl exchange_param(const struct exchange *x, const char *name)
{
	return find(&x->params, name);
}

bool exchange_has_param(const struct exchange *x, const char *name)
{
	return exchange_param(x, name).p != NULL;
}

static PRINTF_LIKE(2, 0) struct sl formatted(struct exchange *x, const char *fmt, va_list ap)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		bug("bad format string");
	text = arena_alloc(&x->mem, (size_t)n + 1);
	(void)vsnprintf(text, (size_t)n + 1, fmt, ap);
	return (struct sl){ text, (size_t)n };
}

struct sl exchange_printf(struct exchange *x, const char *fmt, ...)
{
	va_list ap;
	struct sl s;

	va_start(ap, fmt);
	s = formatted(x, fmt, ap);
	va_end(ap);
	return s;
}

/* Header values reach the wire as they are, so nothing that could end the line may be in them. */
void exchange_add_header(struct exchange *x, const char *name, struct sl value)
{
	char *copy = arena_alloc(&x->mem, value.n + 1);

	for (size_t i = 0; i < value.n; i++)
		copy[i] = (unsigned char)value.p[i] < ' ' ? ' ' : value.p[i];
	copy[value.n] = '\0';
	fields_add(&x->answer, sl_of(name), (struct sl){ copy, value.n });
}

void exchange_add_headerf(struct exchange *x, const char *name, const char *fmt, ...)
{
	va_list ap;
	struct sl s;

	va_start(ap, fmt);
	s = formatted(x, fmt, ap);
	va_end(ap);
	exchange_add_header(x, name, s);
}

static void fail_json(struct exchange *x, const char *code, struct sl text)
{
	bool modelled = strstr(code, "Exception") == NULL;

	if (strcmp(x->service, "athena") == 0 && strcmp(code, "InvalidRequestException") == 0) {
		str_addf(&x->out,
			"{\"__type\":\"%s\",\"AthenaErrorCode\":\"%s\",\"Message\":", code,
			text.n > 10 && memcmp(text.p, "Idempotent", 10) == 0
				? "IDEMPOTENT_PARAMETER_MISMATCH"
				: "INVALID_INPUT");
		str_add_json(&x->out, text);
		str_addc(&x->out, '}');
		return;
	}
	str_addf(&x->out, "{\"__type\":\"%s%s\",\"%s\":",
		strcmp(code, "ValidationException") == 0 ? "com.amazon.coral.validate#" : "", code,
		modelled ? "Message" : "message");
	str_add_json(&x->out, text);
	str_addc(&x->out, '}');
}

static void fail_s3(struct exchange *x, const char *code, struct sl text)
{
	str_addz(&x->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
	put_element(&x->out, "Code", sl_of(code));
	put_element(&x->out, "Message", text);
	put_element(&x->out, "Resource", x->path);
	str_add(&x->out, x->detail);
	put_element(&x->out, "RequestId", sl_of(x->request_id));
	put_element(&x->out, "HostId", SL("sandbox"));
	str_addz(&x->out, "</Error>");
}

static void fail_query(struct exchange *x, const char *code, struct sl text)
{
	str_addz(&x->out, "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
			  "  <Error>\n    ");
	put_element(&x->out, "Type", SL("Sender"));
	put_element(&x->out, "Code", sl_of(code));
	put_element(&x->out, "Message", text);
	str_addz(&x->out, "\n  </Error>\n  ");
	put_element(&x->out, "RequestId", sl_of(x->request_id));
	str_addz(&x->out, "\n</ErrorResponse>\n");
}

bool exchange_fail(struct exchange *x, int status, const char *code, const char *fmt, ...)
{
	va_list ap;
	struct sl text;

	va_start(ap, fmt);
	text = formatted(x, fmt, ap);
	va_end(ap);
	x->status = status;
	x->error = code;
	str_clear(&x->out);
	switch (x->protocol) {
	case PROTO_JSON:
		fail_json(x, code, text);
		break;
	case PROTO_REST:
		exchange_add_headerf(
			x, "x-amzn-ErrorType", "%s:http://internal.amazon.com/coral/", code);
		put_member(&x->out, "Message", text);
		str_addc(&x->out, '}');
		break;
	case PROTO_S3:
		fail_s3(x, code, text);
		break;
	case PROTO_QUERY:
		fail_query(x, code, text);
		break;
	}
	return false;
}

bool exchange_invalid(struct exchange *x, const char *fmt, ...)
{
	va_list ap;
	struct sl text;

	va_start(ap, fmt);
	text = formatted(x, fmt, ap);
	va_end(ap);
	if (x->protocol == PROTO_JSON)
		return exchange_fail(
			x, 400, "ValidationException", "1 validation error detected: %s", text.p);
	return exchange_fail(x, 400, "ValidationError", "1 validation error detected: %s", text.p);
}

const struct json *exchange_json(struct exchange *x)
{
	const char *why = NULL;
	size_t at = 0;
	struct sl text = x->body.n ? str_sl(&x->body) : SL("{}");
	const struct json *j = json_parse(&x->mem, text, &why, &at);

	if (j && j->kind == J_OBJ)
		return j;
	(void)exchange_fail(x, 400, "SerializationException", "%s",
		j ? "Start of structure or map found where not expected."
		  : "Unexpected token in the request body");
	return NULL;
}

/* A container has just been opened when the last byte is an opening one; an empty text opens one.
 */
void put_key(struct str *s, const char *key)
{
	if (s->n == 0)
		str_addc(s, '{');
	else if (s->p[s->n - 1] != '{')
		str_addc(s, ',');
	str_add_json(s, sl_of(key));
	str_addc(s, ':');
}

void put_member(struct str *s, const char *key, struct sl value)
{
	put_key(s, key);
	str_add_json(s, value);
}

void put_memberi(struct str *s, const char *key, int64_t v)
{
	put_key(s, key);
	str_addf(s, "%lld", (long long)v);
}

void put_seconds(struct str *s, const char *key, int64_t unix_us)
{
	put_key(s, key);
	str_addf(s, "%lld.%03lld", (long long)(unix_us / CLOCK_US_PER_SEC),
		(long long)(unix_us % CLOCK_US_PER_SEC / 1000));
}

void put_xml(struct str *s, struct sl text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '&')
			str_addz(s, "&amp;");
		else if (c == '<')
			str_addz(s, "&lt;");
		else if (c == '>')
			str_addz(s, "&gt;");
		else if (c == '"')
			str_addz(s, "&quot;");
		else if (c == '\'')
			str_addz(s, "&apos;");
		else if (c < ' ' && c != '\n' && c != '\t')
			str_addf(s, "&#x%x;", c);
		else
			str_addc(s, (char)c);
	}
}

void put_element(struct str *s, const char *name, struct sl text)
{
	str_addf(s, "<%s>", name);
	put_xml(s, text);
	str_addf(s, "</%s>", name);
}

int64_t unix_now(void)
{
	return clock_now() - CLOCK_UNIX_EPOCH;
}

size_t put_iso(char *dst, int64_t unix_us)
{
	time_t t = (time_t)(unix_us / CLOCK_US_PER_SEC);
	struct tm tm;
	size_t n;

	(void)gmtime_r(&t, &tm);
	n = strftime(dst, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(
		dst + n, CLOCK_TEXT_MAX - n, ".%03dZ", (int)(unix_us % CLOCK_US_PER_SEC / 1000));
	return n;
}

size_t put_http_date(char *dst, int64_t unix_us)
{
	time_t t = (time_t)(unix_us / CLOCK_US_PER_SEC);
	struct tm tm;

	(void)gmtime_r(&t, &tm);
	return strftime(dst, CLOCK_TEXT_MAX, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}
