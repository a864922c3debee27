/* Keys by their hashes: the hash itself, sets, maps, and what they cost. */
#include "core/keyset.h"
#include "core/mem.h"
#include "tap.h"

/* From the vectors published with SipHash (vectors_sip128): key 00…0f, input 00 01 02 … */
static void test_hash(void)
{
	static const struct {
		size_t n;
		struct hash128 want;
	} cases[] = {
		{ 0, { UINT64_C(0xe6a825ba047f81a3), UINT64_C(0x930255c71472f66d) } },
		{ 1, { UINT64_C(0x44af996bd8c187da), UINT64_C(0x45fc229b11597634) } },
	};
	struct sip_key key = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };
	char text[64];

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)i;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct hash128 h = sip_hash(&key, (struct sl){ text, cases[i].n });

		tap(h.lo == cases[i].want.lo && h.hi == cases[i].want.hi,
			"%zu bytes: %016llx %016llx", cases[i].n, (unsigned long long)h.lo,
			(unsigned long long)h.hi);
	}
}

static struct hash128 key_of(uint64_t i)
{
	static const struct sip_key key = { 1, 2 };

	return sip_hash(&key, (struct sl){ (const char *)&i, sizeof i });
}

static void test_set(void)
{
	struct keyset ks = { 0 };
	unsigned wrong = 0, dear = 0;

	for (uint64_t i = 0; i < 300000; i++) {
		wrong += keyset_has(&ks, key_of(i));
		wrong += !keyset_add(&ks, key_of(i));
		wrong += keyset_add(&ks, key_of(i / 2));
		dear += i > 4096 && keyset_bytes(&ks) > ks.n * KEYSET_MAX_BYTES;
	}
	tap(wrong == 0 && ks.n == 300000, "a set knows what is in it: %u mistakes", wrong);
	tap(dear == 0, "never more than %d bytes a key", KEYSET_MAX_BYTES);
	keyset_clear(&ks);
	tap(!keyset_has(&ks, key_of(1)) && keyset_bytes(&ks) == 0, "a cleared set is empty");
}

static void test_zero(void)
{
	struct keyset ks = { 0 };
	struct hash128 zero = { 0, 0 };

	tap(!keyset_has(&ks, zero) && keyset_add(&ks, zero) && !keyset_add(&ks, zero) &&
			keyset_has(&ks, zero),
		"a hash of all zeros is one like any other");
	keyset_clear(&ks);
}

static void test_map(void)
{
	struct keyset ks;
	unsigned wrong = 0, dear = 0;
	bool added;

	keyset_init(&ks, true);
	for (uint64_t i = 0; i < 200000; i++) {
		int64_t *v = keyset_value(&ks, key_of(i), &added);

		wrong += !added || *v != 0;
		*v = (int64_t)i;
		dear += i > 8192 && keyset_bytes(&ks) > ks.n * KEYSET_MAX_BYTES;
	}
	for (uint64_t i = 0; i < 200000; i++)
		wrong += *keyset_value(&ks, key_of(i), &added) != (int64_t)i || added;
	tap(wrong == 0, "a map keeps its values: %u mistakes", wrong);
	tap(dear == 0, "never more than %d bytes a key", KEYSET_MAX_BYTES);
	keyset_clear(&ks);
}

int main(void)
{
	test_hash();
	test_set();
	test_zero();
	test_map();
	return tap_done();
}
