#include "creds.h"

#include "core/clock.h"
#include "core/hash.h"
#include "core/mem.h"
#include "crypt.h"
#include "exchange.h"

static const struct creds users[] = {
	{ .key = "AKIASANDBOX000000001",
		.secret = "sandbox/secret/key/of/the/first/user/+01",
		.account = "123456789012",
		.arn = "arn:aws:iam::123456789012:user/sandbox",
		.user_id = "AIDASANDBOX000000001" },
	{ .key = "AKIASANDBOX000000002",
		.secret = "sandbox/secret/key/of/the/other/user/+02",
		.account = "210987654321",
		.arn = "arn:aws:iam::210987654321:user/other",
		.user_id = "AIDASANDBOX000000002" },
};

static struct {
	struct names keys; /* number = place in v */
	struct creds **v;
	size_t cap;
	int64_t life;
} sessions;

const struct creds *creds_user(size_t which)
{
	return which < ARRAY_LEN(users) ? &users[which] : NULL;
}

const struct creds *creds_find(struct sl key)
{
	size_t at;

	for (size_t i = 0; i < ARRAY_LEN(users); i++)
		if (sl_eq_str(key, users[i].key))
			return &users[i];
	at = names_find(&sessions.keys, key);
	return at == NAMES_NONE ? NULL : sessions.v[at];
}

/* arn:aws:iam::ACCOUNT:role/[PATH/]NAME */
static bool parse_role(struct sl arn, struct sl *account, struct sl *name)
{
	static const char prefix[] = "arn:aws:iam::";
	const char *p = arn.p, *end = arn.p + arn.n;

	if (arn.n < sizeof prefix + 12 + 6 || memcmp(p, prefix, sizeof prefix - 1) != 0)
		return false;
	p += sizeof prefix - 1;
	*account = (struct sl){ p, 12 };
	for (size_t i = 0; i < 12; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	if (memcmp(p + 12, ":role/", 6) != 0)
		return false;
	p += 18;
	for (const char *c = p; c < end; c++)
		if (*c == '/')
			p = c + 1;
	*name = (struct sl){ p, (size_t)(end - p) };
	return name->n >= 1 && name->n <= 64;
}

const struct creds *creds_assume(struct sl role_arn, struct sl session, int64_t seconds)
{
	struct creds *c;
	struct sl account, role;
	char id[16];
	size_t at;

	if (!parse_role(role_arn, &account, &role) || session.n > 64)
		return NULL;
	c = mem_zalloc(sizeof *c);
	memcpy(c->key, "ASIA", 4);
	crypt_random_name(c->key + 4, 16);
	crypt_random_name(c->secret, sizeof c->secret - 1);
	crypt_random_name(c->token, sizeof c->token - 1);
	memcpy(c->token + sizeof c->token - 3, "/=", 2); /* what must be encoded in places */
	memcpy(c->account, account.p, 12);
	crypt_random_name(id, sizeof id);
	(void)snprintf(c->arn, sizeof c->arn, "arn:aws:sts::%s:assumed-role/%.*s/%.*s", c->account,
		(int)role.n, role.p, (int)session.n, session.p);
	(void)snprintf(
		c->user_id, sizeof c->user_id, "AROA%.16s:%.*s", id, (int)session.n, session.p);
	c->expires = unix_now() + (sessions.life ? sessions.life : seconds) * CLOCK_US_PER_SEC;
	at = names_add(&sessions.keys, sl_of(c->key), NULL);
	mem_grow(&sessions.v, &sessions.cap, at + 1, sizeof(struct creds *));
	sessions.v[at] = c;
	return c;
}

void creds_set_life(int64_t seconds)
{
	sessions.life = seconds;
}

void creds_expire_all(void)
{
	for (size_t i = 0; i < sessions.keys.n; i++)
		sessions.v[i]->expires = unix_now();
}

void creds_describe(struct str *out)
{
	str_addc(out, '[');
	for (size_t i = 0; i < sessions.keys.n; i++) {
		str_addz(out, i ? "," : "");
		str_add_json(out, sl_of(sessions.v[i]->secret));
		str_addc(out, ',');
		str_add_json(out, sl_of(sessions.v[i]->token));
	}
	str_addc(out, ']');
}
