/* From the bytes of an answer to what it means. */
#include "aws/client_internal.h"
#include "aws/shape.h"
#include "aws/xml.h"
#include "core/clock.h"
#include "stream/json.h"

#define SHOWN_OF_FOREIGN 200 /* bytes of a body that is not the service's */

void reply_read(struct flight *f)
{
	const struct answer *a = &f->http.answer;
	struct aws_reply *r = &f->reply;

	*r = (struct aws_reply){.status = a->status,
		.body = str_sl(&a->body),
		.body_size = f->call.sink && a->status < 300 ? f->delivered : a->body_size,
		.attempts = f->attempts,
		.lost = f->lost,
		.content_length = a->length};
	if (a->status < 300 && !f->call.sink && f->call.service != AWS_S3)
		return; /* the many: what follows costs a search each */
	r->etag = answer_header(a, "etag");
	r->bucket_region = answer_header(a, "x-amz-bucket-region");
	r->request_id = answer_header(a, "x-amz-request-id");
	if (r->request_id.n == 0)
		r->request_id = answer_header(a, "x-amzn-requestid");
}

/* namespace#Code:http://uri -> Code */
static struct sl bare_code(struct sl s)
{
	const char *hash = memchr(s.p, '#', s.n), *colon;

	if (hash)
		s = (struct sl){hash + 1, (size_t)(s.p + s.n - hash - 1)};
	colon = memchr(s.p, ':', s.n);
	if (colon)
		s.n = (size_t)(colon - s.p);
	return s;
}

static void read_json(struct sl body, struct arena *mem, struct sl *code, struct sl *message)
{
	static const char *const codes[] = {"__type", "code", "Code"};
	const struct json *o = json_read(mem, body);

	for (size_t i = 0; code->n == 0 && i < ARRAY_LEN(codes); i++)
		(void)json_get_str(o, codes[i], code);
	if (!json_get_str(o, "message", message) && !json_get_str(o, "Message", message))
		*message =
			o ? SL("") : body; /* a proxy or load balancer speaks: show how it begins */
}

void reply_error(struct flight *f)
{
	const struct answer *a = &f->http.answer;
	struct sl body = str_sl(&a->body), code = answer_header(a, "x-amzn-errortype");
	struct sl message = SL("");
	struct aws_error *e = &f->error;
	AUTO_ARENA mem = {0};
	AUTO_STR shown = {0};

	if (body.n && body.p[0] == '<') {
		const struct xml *doc = xml_parse(body, &mem);

		code = xml_text(doc, "Code");
		message = xml_text(doc, "Message");
		str_set(&f->region, xml_text(doc, "Region"));
		if (f->reply.bucket_region.n == 0)
			f->reply.bucket_region = str_sl(&f->region);
		if (code.n == 0)
			message = body;
	} else if (body.n) {
		read_json(body, &mem, &code, &message);
	}
	code = bare_code(code);
	str_add(&shown, message);
	creds_redact(f->a->creds, &shown);
	e->status = a->status;
	e->class = aws_classify(a->status, code);
	if (a->status < 400 && (e->class == AWS_FINE || code.n == 0)) /* nobody asked for it */
		e->class = AWS_PROTOCOL;
	snprintf(e->code, sizeof e->code, "%.*s", (int)code.n, code.p);
	snprintf(e->message, message.p == body.p ? SHOWN_OF_FOREIGN : sizeof e->message, "%s",
		str_z(&shown));
	if (!e->code[0] && !e->message[0])
		snprintf(e->message, sizeof e->message, "%s",
			a->status < 400 ? "led elsewhere, which a signature is not for"
					: "refused");
	snprintf(e->request_id, sizeof e->request_id, "%.*s", (int)f->reply.request_id.n,
		f->reply.request_id.p);
}

/* Did the service say it, and of this call? S3 begins to answer 200 before it knows how it ends. */
bool reply_fits(struct flight *f)
{
	const char *why = shape_misfit(f->call.operation, str_sl(&f->http.answer.body));

	if (!why)
		return true;
	if (f->call.service == AWS_S3)
		reply_error(f);
	if (f->error.class == AWS_FINE || f->error.class == AWS_PROTOCOL)
		aws_error_set(&f->error, AWS_UNKNOWN, "bad answer", "%s", why);
	f->error.status = f->http.answer.status;
	return false;
}

int64_t reply_retry_after(const struct flight *f)
{
	struct sl ms = answer_header(&f->http.answer, "x-amz-retry-after");
	struct sl s = answer_header(&f->http.answer, "retry-after");
	uint64_t v;
	int64_t at, server;

	if (num_u64(ms, &v) && v < 86400000)
		return (int64_t)v * 1000;
	if (num_u64(s, &v) && v < 86400)
		return (int64_t)v * CLOCK_US_PER_SEC;
	if (answer_date(&f->http.answer, "retry-after", &at)) {
		at -= answer_date(&f->http.answer, "date", &server) ? server : clock_now();
		return at > 0 ? at : 0;
	}
	return -1;
}
