/*
 * The control endpoint, for tests: no signature is asked for.
 *
 *   GET|DELETE /_sandbox/counters           requests per operation; DELETE starts again
 *   GET|DELETE /_sandbox/settings           faults; DELETE switches them off
 *   POST /_sandbox/settings {"name":value}  sets some (control.h)
 *   POST /_sandbox/expire                   every session made so far has expired
 *   GET  /_sandbox/secrets                  secrets and tokens of all sessions, to look for them
 *                                           where they must not be
 *   POST /_sandbox/block {"group":NAME,"why":TEXT}  the offline store takes nothing; "" ends it
 */
#include "control.h"

#include "athena.h"
#include "core/clock.h"
#include "core/msg.h"
#include "core/num.h"
#include "core/utf8.h"
#include "creds.h"
#include "crypt.h"
#include "faults.h"
#include "group.h"
#include "offline.h"
#include "service.h"

static FILE *record;

bool control_set(const char *name, struct sl value)
{
	int64_t n = 0;
	bool number = num_i64(value.n ? value : SL("0"), &n) && n >= 0 && n < INT64_C(1) << 40;

	if (strcmp(name, "create-failure") == 0) {
		char *why = mem_sldup(value);

		group_set_create_failure(why);
		mem_free(why);
	} else if (strcmp(name, "group-delay") == 0 && number) {
		group_set_delays(n * 1000, n * 1000, n * 1000);
	} else if (strcmp(name, "offline-delay") == 0 && number) {
		offline_set_delay(n * 1000);
	} else if (strcmp(name, "athena-delay") == 0 && number) {
		athena_set_delay(n * 1000);
	} else if (strcmp(name, "session-seconds") == 0 && number) {
		creds_set_life(n);
	} else {
		return faults_set(name, value);
	}
	return true;
}

static void refuse(struct exchange *x, const char *what, struct sl which)
{
	str_clear(&x->out);
	x->status = 400;
	put_member(&x->out, "error", sl_of(what));
	put_member(&x->out, "at", which);
	str_addz(&x->out, "}\n");
}

static void settings(struct exchange *x)
{
	const struct json *in;

	if (strcmp(x->method, "DELETE") == 0)
		faults_reset();
	if (strcmp(x->method, "POST") == 0) {
		in = exchange_json(x);
		for (const struct json *m = in ? in->child : NULL; m; m = m->next) {
			char *name = mem_sldup(m->key);
			bool good = control_set(name, m->text);

			mem_free(name);
			if (!good) {
				refuse(x, "no such setting, or not a value for it", m->key);
				return;
			}
		}
		if (!in)
			return;
	}
	faults_describe(&x->out);
	str_addc(&x->out, '\n');
}

static void block(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct sl name = SL(""), why = SL("");
	size_t n, found = 0;
	struct group **all = group_all(&n);

	(void)json_get_str(in, "group", &name);
	(void)json_get_str(in, "why", &why);
	for (size_t i = 0; in && i < n; i++) {
		if (!all[i] || !sl_eq(all[i]->name, name))
			continue;
		all[i]->blocked = group_keep(all[i], why);
		found++;
	}
	if (in && !found)
		refuse(x, "no such group", name);
}

void control_serve(struct exchange *x)
{
	x->operation = "control";
	x->service = "control";
	x->protocol = PROTO_JSON;
	exchange_add_header(x, "Content-Type", SL("application/json"));
	if (sl_eq(x->path, SL("/_sandbox/counters"))) {
		if (strcmp(x->method, "DELETE") == 0)
			counters_reset();
		counters_describe(&x->out);
	} else if (sl_eq(x->path, SL("/_sandbox/settings"))) {
		settings(x);
	} else if (sl_eq(x->path, SL("/_sandbox/expire"))) {
		creds_expire_all();
	} else if (sl_eq(x->path, SL("/_sandbox/secrets"))) {
		creds_describe(&x->out);
	} else if (sl_eq(x->path, SL("/_sandbox/block"))) {
		block(x);
	} else {
		refuse(x, "no such thing to control", x->path);
		x->status = 404;
	}
}

void control_record_to(const char *path)
{
	record = fopen(path, "we");
	if (!record)
		die_errno(EX_CANTCREATE, "cannot create, %s", path);
}

static bool is_secret(struct sl name)
{
	return sl_eq(name, SL("authorization")) || sl_eq(name, SL("x-amz-security-token"));
}

void control_record(const struct exchange *x)
{
	struct str line = { 0 };
	struct sl body = str_sl(&x->body);

	if (!record || strcmp(x->operation, "control") == 0)
		return;
	put_member(&line, "service", sl_of(x->service ? x->service : ""));
	put_member(&line, "operation", sl_of(x->operation));
	put_memberi(&line, "status", x->status);
	put_member(&line, "method", sl_of(x->method));
	put_key(&line, "headers");
	str_addc(&line, '{');
	for (size_t i = 0; i < x->headers.n; i++) {
		struct sl name = x->headers.v[i].name, value = x->headers.v[i].value;
		char *key = mem_sldup(name);

		if (!is_secret(name) && utf8_valid_to(value.p, value.n) == value.n)
			put_member(&line, key, value);
		mem_free(key);
	}
	str_addc(&line, '}');
	if (utf8_valid_to(x->target.p, x->target.n) == x->target.n)
		put_member(&line, "target", x->target);
	if (utf8_valid_to(body.p, body.n) == body.n) {
		put_member(&line, "body", body);
	} else {
		put_key(&line, "body_base64");
		str_addc(&line, '"');
		crypt_add_base64(&line, (const unsigned char *)body.p, body.n);
		str_addc(&line, '"');
	}
	str_addz(&line, "}\n");
	(void)fwrite(line.p, 1, line.n, record);
	(void)fflush(record);
	str_free(&line);
}
