#include "pg/encoding.h"

#include "core/utf8.h"

static const struct encoding table[] = {
	{ "UTF8", "UTF-8" },
	{ "EUC_KR", "EUC-KR" },
	{ "UHC", "CP949" },
	{ "EUC_CN", "EUC-CN" },
	{ "LATIN1", "ISO-8859-1" },
	{ "LATIN2", "ISO-8859-2" },
	{ "LATIN3", "ISO-8859-3" },
	{ "LATIN4", "ISO-8859-4" },
	{ "LATIN5", "ISO-8859-9" },
	{ "LATIN6", "ISO-8859-10" },
	{ "LATIN7", "ISO-8859-13" },
	{ "LATIN8", "ISO-8859-14" },
	{ "LATIN9", "ISO-8859-15" },
	{ "LATIN10", "ISO-8859-16" },
	{ "ISO_8859_5", "ISO-8859-5" },
	{ "ISO_8859_6", "ISO-8859-6" },
	{ "ISO_8859_7", "ISO-8859-7" },
	{ "ISO_8859_8", "ISO-8859-8" },
	{ "KOI8R", "KOI8-R" },
	{ "KOI8U", "KOI8-U" },
	{ "WIN866", "CP866" },
	{ "WIN874", "CP874" },
	{ "WIN1250", "CP1250" },
	{ "WIN1251", "CP1251" },
	{ "WIN1252", "CP1252" },
	{ "WIN1253", "CP1253" },
	{ "WIN1254", "CP1254" },
	{ "WIN1256", "CP1256" },
	{ "WIN1257", "CP1257" },
};

const struct encoding *encoding_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcasecmp(name, table[i].name) == 0 || strcasecmp(name, table[i].iconv) == 0)
			return &table[i];
	return NULL;
}

static struct recode *must(struct recode *r, const struct encoding *e)
{
	if (!r)
		die(EX_CONFIGURATION, "this system's iconv does not know %s", e->iconv);
	return r;
}

struct recode *encoding_reader(const struct encoding *e)
{
	return must(recode_new(e->iconv, "UTF-8"), e);
}

struct recode *encoding_writer(const struct encoding *e)
{
	return must(recode_new("UTF-8", e->iconv), e);
}

void encoding_add_storable(const struct encoding *e, struct str *s, struct sl text)
{
	struct recode *writer = e ? encoding_writer(e) : NULL;
	AUTO_STR stored = { 0 };

	for (size_t i = 0, n; i < text.n; i += n) {
		struct sl c;
		bool good;

		n = utf8_char(text.p + i, text.n - i);
		good = n > 0;
		n = n ? n : 1;
		c = (struct sl){ text.p + i, n };
		str_clear(&stored);
		if (good && (recode_is_ascii(c) || !writer || recode_text(writer, c, &stored))) {
			str_add(s, c);
			continue;
		}
		str_addc(s, '<');
		for (size_t k = 0; k < n; k++)
			str_addf(s, "%02x", (unsigned char)c.p[k]);
		str_addc(s, '>');
	}
	recode_free(writer);
}
