/* hash64() may never change: digests in seals and ledgers depend on it. Names get dense numbers. */
#include "core/hash.h"

#include "core/mem.h"
#include "core/str.h"
#include "stream/digest.h"
#include "tap.h"

#include <inttypes.h>

/* The definition, word by word; hash64() is the same thing made fast. */
static uint64_t plain_hash(struct sl s, uint64_t seed)
{
	uint64_t h = seed ^ UINT64_C(0xa0761d6478bd642f);

	for (size_t i = 0; i == 0 || i < s.n; i += 16) {
		uint64_t word[2] = { 0, 0 };
		unsigned __int128 r;

		for (size_t j = 0; j < 16 && i + j < s.n; j++)
			word[j / 8] |= (uint64_t)(unsigned char)s.p[i + j] << (j % 8 * 8);
		r = (unsigned __int128)(word[0] ^ UINT64_C(0xe7037ed1a0b428db)) * (word[1] ^ h);
		h = (uint64_t)r ^ (uint64_t)(r >> 64);
	}
	unsigned __int128 r = (unsigned __int128)(h ^ UINT64_C(0xa0761d6478bd642f)) *
			      (s.n ^ UINT64_C(0xe7037ed1a0b428db));

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static void test_pinned_values(void)
{
	static const struct {
		const char *text;
		uint64_t seed, hash;
	} pin[] = {
		{ "", 0, UINT64_C(0x832ff0d450935050) },
		{ "", 1, UINT64_C(0xca9df55c70fbb518) },
		{ "a", 0, UINT64_C(0xe2b88cd3646c6394) },
		{ "value", 2, UINT64_C(0xacc0001bf81b58a0) },
		{ "/me01/cyl03/exh_gas//out_c/temp", 2, UINT64_C(0xed53b020902d0c3f) },
		{ "2024-01-01 00:00:15.25", 0, UINT64_C(0xa6c4f3ee8e8efce7) },
		{ "0123456789abcdef", 0, UINT64_C(0xb35bb3b7cde06309) },
		{ "0123456789abcdef0", 0, UINT64_C(0xd5dcc7816064ddaa) },
	};

	for (size_t i = 0; i < ARRAY_LEN(pin); i++) {
		uint64_t h = hash64(sl_of(pin[i].text), pin[i].seed);

		if (!tap(h == pin[i].hash, "the hash of \"%s\" with seed %" PRIu64 " is what it was",
			    pin[i].text, pin[i].seed))
			printf("# got 0x%016" PRIx64 "\n", h);
	}
}

static void test_all_lengths(void)
{
	char text[80];
	int wrong = 0;

	for (size_t n = 0; n <= sizeof text; n++)
		for (int i = 0; i < 100; i++) {
			uint64_t seed = tap_random();

			for (size_t j = 0; j < n; j++)
				text[j] = (char)tap_random();
			wrong += hash64((struct sl){ text, n }, seed) !=
				 plain_hash((struct sl){ text, n }, seed);
		}
	tap(wrong == 0, "texts of 0 to 80 bytes hash as defined");
}

static void test_digest(void)
{
	uint64_t row = digest_row(SL("S1"), SL("2024-01-01 00:00:00"));
	uint64_t cell = digest_cell(row, digest_name(SL("temp")), SL("351.25"));
	uint64_t other = digest_row(SL("S2"), SL("2024-01-01 00:00:00"));
	char text[DIGEST_TEXT_LEN];
	uint64_t back;

	digest_put(text, cell);
	tap_same((struct sl){ text, sizeof text }, SL("eec4f28a763eb8cc"),
		"the digest of a cell is what it was");
	tap(digest_parse((struct sl){ text, sizeof text }, &back) && back == cell,
		"a digest reads back");
	tap(!digest_parse(SL("0123456789ABCDEF"), &back), "capital digits are refused");
	tap(!digest_parse(SL("0123456789abcde"), &back), "a short digest is refused");
	tap(cell != digest_cell(other, digest_name(SL("temp")), SL("351.25")), "the ship matters");
	tap(cell != digest_cell(row, digest_name(SL("temp2")), SL("351.25")), "the name matters");
	tap(cell != digest_cell(row, digest_name(SL("temp")), SL("351.250")), "the text matters");
	tap(digest_row(SL("S1"), SL("S2")) != digest_row(SL("S2"), SL("S1")), "the order matters");
}

/* Two values that change places must not leave the sum as it was. */
static void test_swaps(void)
{
	int same = 0;

	for (int i = 0; i < 10000; i++) {
		uint64_t row = tap_random(), a = tap_random(), b = tap_random();
		uint64_t x = tap_random(), y = tap_random();
		struct sl sx = { (const char *)&x, 8 }, sy = { (const char *)&y, 8 };

		same += digest_cell(row, a, sx) + digest_cell(row, b, sy) ==
			digest_cell(row, a, sy) + digest_cell(row, b, sx);
	}
	tap(same == 0, "10000 swapped pairs of values all change the sum");
}

static void test_names(void)
{
	struct names t = { 0 };
	struct sl first;
	int wrong = 0;
	bool added;
	char text[32];

	tap(names_find(&t, SL("x")) == NAMES_NONE, "an empty set has no names");
	tap(names_add(&t, SL("a"), &added) == 0 && added, "the first name is number 0");
	tap(names_add(&t, SL("b"), NULL) == 1, "the second is number 1");
	tap(names_add(&t, SL("a"), &added) == 0 && !added, "a name keeps its number");
	tap(names_add(&t, SL(""), &added) == 2 && added, "the empty name is one");
	first = t.name[0];
	for (int i = 0; i < 100000; i++) {
		size_t n = (size_t)snprintf(text, sizeof text, "/ch/%d", i);

		wrong += names_add(&t, (struct sl){ text, n }, NULL) != (size_t)i + 3;
	}
	for (int i = 0; i < 100000; i++) {
		size_t n = (size_t)snprintf(text, sizeof text, "/ch/%d", i);

		wrong += names_find(&t, (struct sl){ text, n }) != (size_t)i + 3;
		wrong += !sl_eq(t.name[i + 3], (struct sl){ text, n });
	}
	tap(wrong == 0, "100000 names are found again");
	tap(t.name[0].p == first.p && sl_eq(first, SL("a")), "a name's text stays in place");
	names_clear(&t);
	tap(names_find(&t, SL("a")) == NAMES_NONE && names_add(&t, SL("z"), NULL) == 0,
		"a cleared set begins anew");
	names_free(&t);
}

int main(void)
{
	test_pinned_values();
	test_all_lengths();
	test_digest();
	test_swaps();
	test_names();
	return tap_done();
}
