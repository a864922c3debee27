/* S3: listings, and deleting many objects at once. */
#include "s3.h"

#include "core/clock.h"
#include "core/num.h"
#include "offline.h"
#include "uri.h"

#define MAX_KEYS 1000

struct listing {
	struct sl prefix, delimiter, after;
	bool url; /* encoding-type=url */
	bool owner;
	uint64_t max;
	/* what was found */
	uint64_t n;
	struct sl last; /* key or common prefix written last */
	bool truncated;
	struct str prefixes;
};

void s3_list_buckets(struct exchange *x)
{
	size_t n;
	struct s3_bucket **v = s3_buckets(&n);
	char iso[CLOCK_TEXT_MAX];

	s3_begin(x, "ListAllMyBucketsResult");
	str_addz(&x->out, "<Owner>");
	put_element(&x->out, "ID", x->account);
	str_addz(&x->out, "</Owner><Buckets>");
	for (size_t i = 0; i < n; i++) {
		if (!sl_eq(v[i]->account, x->account))
			continue;
		str_addz(&x->out, "<Bucket>");
		put_element(&x->out, "Name", v[i]->name);
		put_element(
			&x->out, "CreationDate", (struct sl){ iso, put_iso(iso, v[i]->created) });
		str_addz(&x->out, "</Bucket>");
	}
	str_addz(&x->out, "</Buckets></ListAllMyBucketsResult>");
}

static bool has_prefix(struct sl s, struct sl prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static void put_key_element(struct str *s, const struct listing *l, const char *name, struct sl key)
{
	struct str encoded = { 0 };

	if (!l->url) {
		put_element(s, name, key);
		return;
	}
	uri_encode(&encoded, key, true);
	put_element(s, name, str_sl(&encoded));
	str_free(&encoded);
}

/* The part of a key up to the delimiter behind the prefix, or nothing when there is none. */
static struct sl common_prefix(const struct listing *l, struct sl key)
{
	const char *found;

	if (!l->delimiter.n)
		return (struct sl){ NULL, 0 };
	found = memmem(key.p + l->prefix.n, key.n - l->prefix.n, l->delimiter.p, l->delimiter.n);
	if (!found)
		return (struct sl){ NULL, 0 };
	return (struct sl){ key.p, (size_t)(found - key.p) + l->delimiter.n };
}

static void put_contents(struct exchange *x, const struct listing *l, const struct s3_object *o)
{
	char iso[CLOCK_TEXT_MAX];

	str_addz(&x->out, "<Contents>");
	put_key_element(&x->out, l, "Key", o->key);
	put_element(&x->out, "LastModified", (struct sl){ iso, put_iso(iso, o->modified) });
	s3_put_etag(&x->out, o->etag);
	str_addf(&x->out, "<Size>%llu</Size>", (unsigned long long)o->size);
	if (l->owner) {
		str_addz(&x->out, "<Owner>");
		put_element(&x->out, "ID", x->account);
		str_addz(&x->out, "</Owner>");
	}
	str_addz(&x->out, "<StorageClass>STANDARD</StorageClass></Contents>");
}

static void walk(struct exchange *x, const struct s3_bucket *b, struct listing *l)
{
	size_t at = s3_store_lower_bound(b, sl_cmp(l->after, l->prefix) > 0 ? l->after : l->prefix);

	for (; at < b->n && has_prefix(b->v[at]->key, l->prefix); at++) {
		struct sl key = b->v[at]->key, common = common_prefix(l, key);
		struct sl shown = common.p ? common : key;

		/* what was on an earlier page: up to `after`, and all under a prefix that was shown
		 */
		if (l->after.n &&
			(sl_cmp(key, l->after) <= 0 || (common.p && has_prefix(l->after, common))))
			continue;
		if (common.p && l->last.p && sl_eq(l->last, common))
			continue;
		if (l->n == l->max) {
			l->truncated = true;
			return;
		}
		l->n++;
		l->last = shown;
		if (common.p) {
			str_addz(&l->prefixes, "<CommonPrefixes>");
			put_key_element(&l->prefixes, l, "Prefix", common);
			str_addz(&l->prefixes, "</CommonPrefixes>");
		} else {
			put_contents(x, l, b->v[at]);
		}
	}
}

/* A token is the last name of the page before, in hex, so that nobody takes it for a key. */
static struct sl token_of(struct exchange *x, struct sl last)
{
	char *hex = arena_alloc(&x->mem, last.n * 2 + 1);

	for (size_t i = 0; i < last.n; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", (unsigned char)last.p[i]);
	return (struct sl){ hex, last.n * 2 };
}

static bool key_of_token(struct exchange *x, struct sl token, struct sl *key)
{
	char *k = arena_alloc(&x->mem, token.n / 2 + 1);
	unsigned byte;

	if (token.n % 2)
		return false;
	for (size_t i = 0; i < token.n; i += 2) {
		char pair[3] = { token.p[i], token.p[i + 1], '\0' };

		if (strspn(pair, "0123456789abcdef") != 2 || sscanf(pair, "%2x", &byte) != 1)
			return false;
		k[i / 2] = (char)byte;
	}
	*key = (struct sl){ k, token.n / 2 };
	return true;
}

static bool read_listing(struct exchange *x, struct listing *l)
{
	struct sl max = exchange_param(x, "max-keys");
	struct sl token = exchange_param(x, "continuation-token");

	*l = (struct listing){ .max = MAX_KEYS };
	l->prefix = exchange_param(x, "prefix");
	l->delimiter = exchange_param(x, "delimiter");
	l->after = exchange_param(x, "start-after");
	l->url = sl_eq(exchange_param(x, "encoding-type"), SL("url"));
	l->owner = sl_eq(exchange_param(x, "fetch-owner"), SL("true"));
	if (max.n && !num_u64(max, &l->max))
		return exchange_fail(x, 400, "InvalidArgument",
			"Provided max-keys not an integer or within integer range");
	if (l->max > MAX_KEYS)
		l->max = MAX_KEYS;
	if (token.p && !key_of_token(x, token, &l->after))
		return exchange_fail(
			x, 400, "InvalidArgument", "The continuation token provided is incorrect");
	return true;
}

void s3_list_objects(struct exchange *x)
{
	struct s3_bucket *b;
	struct listing l;
	struct sl token = exchange_param(x, "continuation-token");

	offline_settle();
	b = s3_bucket(x, false);
	if (!b || !read_listing(x, &l))
		return;
	s3_begin(x, "ListBucketResult");
	put_element(&x->out, "Name", b->name);
	put_key_element(&x->out, &l, "Prefix", l.prefix);
	if (l.delimiter.n)
		put_key_element(&x->out, &l, "Delimiter", l.delimiter);
	if (token.p)
		put_element(&x->out, "ContinuationToken", token);
	if (l.url)
		str_addz(&x->out, "<EncodingType>url</EncodingType>");
	str_addf(&x->out, "<MaxKeys>%llu</MaxKeys>", (unsigned long long)l.max);
	if (l.max)
		walk(x, b, &l);
	str_add(&x->out, str_sl(&l.prefixes));
	str_addf(&x->out, "<KeyCount>%llu</KeyCount><IsTruncated>%s</IsTruncated>",
		(unsigned long long)l.n, l.truncated ? "true" : "false");
	if (l.truncated)
		put_element(&x->out, "NextContinuationToken", token_of(x, l.last));
	str_addz(&x->out, "</ListBucketResult>");
	str_free(&l.prefixes);
}

static void delete_one(struct exchange *x, struct s3_bucket *b, struct sl key, bool quiet)
{
	if (!key.n || key.n > 1024) {
		str_addz(&x->out, "<Error>");
		put_element(&x->out, "Key", key);
		put_element(&x->out, "Code", SL("UserKeyMustBeSpecified"));
		put_element(&x->out, "Message", SL("Missing key"));
		str_addz(&x->out, "</Error>");
		return;
	}
	if (s3_store_delete(b, key))
		offline_object_deleted(b->name, key);
	if (quiet)
		return;
	str_addz(&x->out, "<Deleted>");
	put_element(&x->out, "Key", key);
	str_addz(&x->out, "</Deleted>");
}

void s3_delete_objects(struct exchange *x)
{
	struct s3_bucket *b = s3_check_integrity(x, true) ? s3_bucket(x, false) : NULL;
	const struct xml *root;
	size_t n = 0;
	bool quiet;

	if (!b)
		return;
	offline_settle();
	root = xml_parse(&x->mem, str_sl(&x->body));
	for (const struct xml *o = root ? root->child : NULL; o; o = o->next)
		n += sl_eq(o->name, SL("Object"));
	if (!root || !sl_eq(root->name, SL("Delete")) || n == 0 || n > MAX_KEYS) {
		(void)exchange_fail(x, 400, "MalformedXML",
			"The XML you provided was not well-formed or did not validate against our "
			"published schema");
		return;
	}
	quiet = sl_eq(xml_text(root, "Quiet"), SL("true"));
	s3_begin(x, "DeleteResult");
	for (const struct xml *o = root->child; o; o = o->next)
		if (sl_eq(o->name, SL("Object")))
			delete_one(x, b, xml_text(o, "Key"), quiet);
	str_addz(&x->out, "</DeleteResult>");
}
