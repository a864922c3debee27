#include "stream/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8

#include <pcre2.h>

#define MAX_STEPS 1000000
#define MAX_HEAP 20000 /* KiB */

struct pattern {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
};

/* POSIX and GNU have it, PCRE2 takes it for text: nobody means that. */
static bool is_posix(struct sl s, char *why, size_t cap)
{
	static const struct {
		const char *text, *instead;
	} odd[] = { { "{,", "{0," }, { "\\<", "\\b" }, { "\\>", "\\b" } };

	bool in_set = false;

	for (size_t i = 0; i + 1 < s.n; i++) {
		in_set = in_set ? s.p[i] != ']' : s.p[i] == '[';
		for (size_t k = 0; k < ARRAY_LEN(odd) && !in_set; k++) {
			if (memcmp(s.p + i, odd[k].text, 2) != 0)
				continue;
			(void)snprintf(why, cap, "character %zu: say %s instead of %s", i + 1,
				       odd[k].instead, odd[k].text);
			return true;
		}
		i += s.p[i] == '\\';
	}
	return false;
}

struct pattern *pattern_new(struct sl text, char *why, size_t cap)
{
	const uint32_t how = PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED | PCRE2_ENDANCHORED |
			     PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
	struct pattern *p;
	PCRE2_SIZE at;
	char reason[160];
	int error;

	if (is_posix(text, why, cap))
		return NULL;
	p = mem_zalloc(sizeof *p);
	p->code = pcre2_compile((PCRE2_SPTR)text.p, text.n, how, &error, &at, NULL);
	if (!p->code) {
		(void)pcre2_get_error_message(error, (PCRE2_UCHAR *)reason, sizeof reason);
		(void)snprintf(why, cap, "character %zu: %s", at + 1, reason);
		mem_free(p);
		return NULL;
	}
	/* where memory may not be made executable it is interpreted, which is only slower */
	(void)pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);
	p->data = pcre2_match_data_create(1, NULL);
	p->limits = pcre2_match_context_create(NULL);
	if (!p->data || !p->limits)
		die(EX_MEMORY, "out of memory");
	(void)pcre2_set_match_limit(p->limits, MAX_STEPS);
	(void)pcre2_set_heap_limit(p->limits, MAX_HEAP);
	return p;
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	pcre2_match_context_free(p->limits);
	pcre2_match_data_free(p->data);
	pcre2_code_free(p->code);
	mem_free(p);
}

enum pattern_result pattern_match(const struct pattern *p, struct sl text)
{
	uint32_t how = PCRE2_NO_UTF_CHECK; /* every text that was read is valid UTF-8 */
	int rc = pcre2_match(p->code, (PCRE2_SPTR)text.p, text.n, 0, how, p->data, p->limits);

	/* the stack of compiled patterns is small; steps and heap bound what is interpreted */
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
		rc = pcre2_match(p->code, (PCRE2_SPTR)text.p, text.n, 0, how | PCRE2_NO_JIT,
				 p->data, p->limits);
	if (rc >= 0)
		return PATTERN_YES;
	return rc == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_TOO_HARD;
}
