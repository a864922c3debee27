#include "stream/recode.h"

#include "core/utf8.h"

#include <errno.h>
#include <iconv.h>

struct recode {
	iconv_t cd;
	char *name;
	bool korean; /* CP949, of which iconv leaves out the characters of users */
	bool euc_kr; /* where iconv takes bytes for controls that are none: CP949's, most often */
};

#define UTF8 "UTF-8"
/* Where users put characters of their own: two rows of CP949, and where Unicode has them. */
#define OWN_ROWS "\xc9\xfe"
#define OWN_FIRST 0xe000
#define ROW 94

struct recode *recode_new(const char *from, const char *to)
{
	iconv_t cd = iconv_open(to, from);
	struct recode *r;

	/* with a suffix iconv would leave out, or guess, what it cannot read; '' is the locale's */
	if (cd == (iconv_t)-1 || !from[0] || strchr(from, '/') || strchr(to, '/')) {
		(void)iconv_close(cd); /* which knows the -1 */
		return NULL;
	}
	r = mem_zalloc(sizeof *r);
	r->cd = cd;
	r->name = mem_strdup(from);
	r->euc_kr = strcasecmp(from, "EUC-KR") == 0;
	r->korean = strcmp(from, "CP949") == 0 && strcmp(to, UTF8) == 0;
	return r;
}

void recode_free(struct recode *r)
{
	if (!r)
		return;
	(void)iconv_close(r->cd);
	mem_free(r->name);
	mem_free(r);
}

/* One character that iconv does not know and others do; the bytes written, 0 for none. */
static size_t put_own(struct sl *in, char *dst, size_t room)
{
	const unsigned char *c = (const unsigned char *)in->p;
	const char *row;
	uint32_t cp;

	if (in->n < 2 || room < 4 || c[1] < 0xa1 || c[1] > 0xfe)
		return 0;
	row = memchr(OWN_ROWS, c[0], sizeof OWN_ROWS - 1);
	if (!row && (c[0] != 0xa2 || c[1] != 0xe8))
		return 0;
	cp = row ? OWN_FIRST + ROW * (uint32_t)(row != &OWN_ROWS[0]) + c[1] - 0xa1 : 0x327e;
	sl_skip(in, 2);
	return utf8_put(dst, cp);
}

/* How much of it has no byte from 0x80 to 0xa0, nor 0xff: EUC-KR has none of them, anywhere. */
static size_t euc_kr_len(struct sl s)
{
	size_t n = 0;

	while (n < s.n && ((unsigned char)s.p[n] < 0x80 ||
				  ((unsigned char)s.p[n] > 0xa0 && (unsigned char)s.p[n] < 0xff)))
		n++;
	return n;
}

size_t recode_some(struct recode *r, struct sl *in, char *dst, size_t cap, bool *bad)
{
	char *to = dst;
	size_t room = cap, own = 1, behind = r->euc_kr ? in->n - euc_kr_len(*in) : 0;

	*bad = false;
	if (in->n == 0)
		(void)iconv(r->cd, NULL, NULL, &to, &room);
	in->n -= behind;
	while (own > 0 && in->n > 0) {
		char *from = (char *)(uintptr_t)in->p;
		bool invalid;

		invalid = iconv(r->cd, &from, &in->n, &to, &room) == (size_t)-1 && errno == EILSEQ;
		in->p = from;
		own = invalid && r->korean ? put_own(in, to, room) : 0;
		*bad = invalid && own == 0 && (!r->korean || room >= 4);
		to += own;
		room -= own;
	}
	/* a character may be cut by what is none */
	*bad |= behind > 0 && (in->n == 0 || room >= 4);
	in->n += behind;
	return cap - room;
}

bool recode_is_ascii(struct sl text)
{
	uint64_t any = 0, eight;
	const char *p = text.p, *end = p + text.n;

	for (; (size_t)(end - p) >= sizeof eight; p += sizeof eight) {
		memcpy(&eight, p, sizeof eight);
		any |= eight;
	}
	while (p < end)
		any |= (unsigned char)*p++;
	return !(any & UINT64_C(0x8080808080808080));
}

bool recode_text(struct recode *r, struct sl text, struct str *to)
{
	size_t before = to->n;
	bool bad = false;

	(void)iconv(r->cd, NULL, NULL, NULL, NULL);
	while (text.n > 0 && !bad) {
		size_t had = text.n, n;

		/* a text of 2 bytes a character makes 3, and one of 1 byte 3 at most */
		n = recode_some(r, &text, str_room(to, 3 * text.n + 16), 3 * text.n + 16, &bad);
		to->n += n;
		bad |= text.n == had && n == 0;
	}
	if (bad)
		to->n = before;
	if (to->p)
		to->p[to->n] = '\0';
	return !bad;
}

const char *recode_name(const struct recode *r)
{
	return r->name;
}
