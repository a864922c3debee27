/*
 * Messages of any shape: rows that are taken are whole, and written again as flat messages they are
 * the same rows. The first byte of an input chooses the shape and the unit of times.
 */
#include "core/clock.h"
#include "follow/message_rows.h"
#include "fuzz.h"

static void put_flat(struct str *s, const struct narrow_row *row)
{
	struct sl value = field_sl(&row->value);
	char time[CLOCK_TEXT_MAX];

	str_addz(s, "{\"ship\":");
	str_add_json(s, row->ship);
	str_addz(s, ",\"t\":");
	str_add_json(s, (struct sl){ time, clock_put(time, row->time, false) });
	str_addz(s, ",\"ch\":");
	str_add_json(s, row->channel);
	str_addz(s, ",\"v\":");
	if (row->value.kind == F_STR)
		str_add_json(s, value);
	else
		str_add(s, field_is_null(&row->value) ? SL("null") : value);
	str_addc(s, '}');
}

static void check_again(const struct narrow_row *row)
{
	static const struct message_opts flat = { .shape = MESSAGE_FLAT };
	AUTO_ARENA a = { 0 };
	AUTO_STR text = { 0 };
	struct message_row *again = NULL;
	struct sl field;
	const char *why;
	size_t n = 0;

	put_flat(&text, row);
	why = message_rows(&flat, &a, str_sl(&text), &again, &n, &field);
	CHECK(!why && n == 1, "%s: %s", text.p, why ? why : "not one row");
	CHECK_SAME(again->row.ship, row->ship);
	CHECK_SAME(again->row.channel, row->channel);
	CHECK_SAME(field_sl(&again->row.value), field_sl(&row->value));
	CHECK(again->row.time == row->time && again->row.value.kind == row->value.kind, "%s",
		text.p);
}

const unsigned fuzz_times = 20;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct message_opts opts = { .shape = 0 };
	AUTO_ARENA a = { 0 };
	struct message_row *rows = NULL;
	struct sl field;
	size_t n_rows = 0;

	if (n == 0)
		return 0;
	opts.shape = data[0] % 3;
	opts.unit = data[0] / 3 % 5;
	opts.at = data[0] & 64 ? "a.b" : NULL;
	if (message_rows(&opts, &a, (struct sl){ (const char *)data + 1, n - 1 }, &rows, &n_rows,
		    &field))
		return 0;
	for (size_t i = 0; i < n_rows; i++) {
		CHECK(rows[i].row.ship.n > 0, "no ship");
		CHECK(!rows[i].erased || opts.shape != MESSAGE_WIDE, "erased");
		/* a channel that is a member's name may be empty; a flat one may not */
		if (!rows[i].erased && rows[i].row.channel.n > 0)
			check_again(&rows[i].row);
	}
	return 0;
}
