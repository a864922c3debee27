#include "ledger/ledger_offsets.h"

#include "ledger/ledger_internal.h"
#include "ledger/ledger_offsets.sql.h"
#include "stream/json.h"

size_t ledger_offsets_get(
	struct pg *target, const char *group, struct arena *a, struct ledger_offset **out)
{
	AUTO_RESULT *r = pg_ask(target, offsets_sql, group);

	*out = arena_alloc(a, mem_mul(pg_rows(r) + 1, sizeof **out));
	for (size_t i = 0; i < pg_rows(r); i++)
		(*out)[i] = (struct ledger_offset){ .topic = arena_dup(a, pg_value(r, i, 0)).p,
			.partition = (int32_t)pg_count(r, i, 1),
			.next = (int64_t)pg_count(r, i, 2),
			.mark = arena_dup(a, pg_value(r, i, 3)).p,
			.cluster = arena_dup(a, pg_value(r, i, 4)).p };
	return pg_rows(r);
}

bool ledger_offsets_any(struct pg *target)
{
	return pg_is_yes(pg_query(target, "SELECT has_table_privilege("
		"to_regclass('ferry.kafka_offset'), 'SELECT')", 0, NULL)) &&
	       pg_is_yes(pg_query(target, "SELECT FROM ferry.kafka_offset LIMIT 1", 0, NULL));
}

void ledger_offsets_begin(struct pg *target, const char *offsets)
{
	pg_run(target, begin_sql, offsets);
}

void ledger_offsets_forget(
	struct pg *target, const char *group, const char *topic, int32_t partition)
{
	pg_run(target, forget_sql, group, topic, ledger_u64((uint64_t)partition));
}

const char *ledger_offsets_of(struct arena *a, struct sl src)
{
	const struct json *o = json_get(json_read(a, arena_dup(a, src)), "offsets");

	return json_get(o, "group") ? arena_dup(a, o->raw).p : "";
}

bool ledger_offsets_move(struct pg *target, const char *offsets, bool advance)
{
	return pg_knows(target, move_sql, offsets, advance ? "true" : "false");
}
