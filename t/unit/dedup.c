/*
 * One record of each key: against the simplest way of doing it, with and without a limit of memory
 * small enough to make many passes, settled at once and chunk by chunk.
 */
#include "stream/dedup.h"
#include "core/mem.h"
#include "core/str.h"
#include "tap.h"

#define RECORDS 60000
#define KEYS 20000

static uint32_t key_of[RECORDS];
static int64_t time_of[RECORDS];
static bool want[RECORDS], got[RECORDS];

static void make_records(void)
{
	for (size_t i = 0; i < RECORDS; i++) {
		key_of[i] = (uint32_t)(tap_random() % KEYS);
		time_of[i] = (int64_t)(tap_random() % 5) - 2;
		if (tap_random() % 50 == 0)
			time_of[i] = tap_random() % 2 ? INT64_MIN : INT64_MAX;
	}
}

/* The record of each key that passes, of those settled together: `chunk` records at a time. */
static void make_want(bool newest, size_t chunk)
{
	static ssize_t best[KEYS]; /* so far */
	size_t first = 0;

	memset(best, -1, sizeof best);
	memset(want, 0, sizeof want);
	for (size_t i = 0; i < RECORDS; i++) {
		ssize_t *b = &best[key_of[i]];

		if (*b < 0 || (newest && time_of[i] >= time_of[*b])) {
			if (*b >= (ssize_t)first)
				want[*b] = false;
			want[i] = true;
			*b = (ssize_t)i;
		}
		if ((i + 1) % chunk == 0)
			first = i + 1;
	}
}

static size_t number_in(const struct field *f)
{
	size_t i;

	memcpy(&i, f->p, sizeof i);
	return i;
}

static unsigned take_passing(struct dedup *d, size_t *last)
{
	struct field *f;
	size_t n;
	unsigned wrong = 0;

	dedup_settle(d);
	while (dedup_next(d, &f, &n)) {
		size_t i = number_in(f);

		wrong += n != 2 || f[1].kind != F_NULL || i >= RECORDS || i < *last;
		*last = i;
		got[i] = true;
	}
	return wrong;
}

static void test(bool newest, uint64_t memory, size_t chunk)
{
	static const struct sip_key sip = { 3, 4 };
	struct dedup *d = dedup_new(newest, memory);
	unsigned wrong = 0, differ = 0, passed = 0;
	size_t last = 0;

	make_want(newest, chunk);
	memset(got, 0, sizeof got);
	for (size_t i = 0; i < RECORDS; i++) {
		struct field f[2] = { field_str((struct sl){ (const char *)&i, sizeof i }),
			FIELD_NULL };
		struct sl text = { (const char *)&key_of[i], sizeof key_of[i] };

		if (dedup_put(d, sip_hash(&sip, text), time_of[i], f, 2) == DEDUP_PASS)
			got[i] = true;
		if ((i + 1) % chunk == 0 || dedup_is_full(d))
			wrong += take_passing(d, &last);
	}
	wrong += take_passing(d, &last);
	for (size_t i = 0; i < RECORDS; i++) {
		differ += got[i] != want[i];
		passed += got[i];
	}
	tap(wrong == 0 && differ == 0 && dedup_dropped(d) == RECORDS - passed,
		"%s, memory %llu, chunks of %zu: %u pass, %u differ, %u out of order",
		newest ? "newest" : "first", (unsigned long long)memory, chunk, passed, differ,
		wrong);
	tap(!memory || dedup_peak_bytes(d) <= memory, "%llu bytes of keys",
		(unsigned long long)dedup_peak_bytes(d));
	dedup_free(d);
}

int main(void)
{
	static const uint64_t memories[] = { 0, 65536, 300000, 100000000 };
	static const size_t chunks[] = { RECORDS, RECORDS / 2, 997 };

	make_records();
	for (size_t m = 0; m < ARRAY_LEN(memories); m++)
		for (size_t c = 0; c < ARRAY_LEN(chunks); c++)
			for (int newest = 0; newest < 2; newest++)
				test(newest, memories[m], chunks[c]);
	return tap_done();
}
