/* CAST and TRY_CAST, and the functions in PostgreSQL that do what PostgreSQL's own casts do not. */
#include "trino_parse.h"

/*
 * Casts of text are strict, as Trino's are: no blanks around, no "inf" for Infinity. SQLSTATE ZF001
 * marks messages that are Athena's already.
 */
const char trino_functions[] =
	"CREATE FUNCTION ferry_offline.cast_error(v text, type text) RETURNS void LANGUAGE plpgsql "
	"AS $$"
	"BEGIN RAISE EXCEPTION USING ERRCODE = 'ZF001', MESSAGE ="
	" format('INVALID_CAST_ARGUMENT: Cannot cast ''%s'' to %s', v, type); END $$;"

	"CREATE FUNCTION ferry_offline.cast_bigint(v text, lo bigint, hi bigint, type text, soft "
	"bool)"
	" RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT AS $$"
	"BEGIN IF v ~ '^[+-]?[0-9]{1,30}$' AND v::numeric BETWEEN lo AND hi THEN RETURN v::bigint; "
	"END IF;"
	"IF NOT soft THEN PERFORM ferry_offline.cast_error(v, type); END IF; RETURN NULL; END $$;"

	"CREATE FUNCTION ferry_offline.cast_double(v text, soft bool) RETURNS float8"
	" LANGUAGE plpgsql IMMUTABLE STRICT AS $$"
	"BEGIN IF v ~ '^[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]{1,3})?$'"
	" OR v IN ('NaN', 'Infinity', '-Infinity') THEN RETURN v::float8; END IF;"
	"IF NOT soft THEN PERFORM ferry_offline.cast_error(v, 'DOUBLE'); END IF; RETURN NULL; END "
	"$$;"

	"CREATE FUNCTION ferry_offline.cast_boolean(v text, soft bool) RETURNS boolean"
	" LANGUAGE plpgsql IMMUTABLE STRICT AS $$"
	"BEGIN IF lower(v) IN ('t', 'true', '1') THEN RETURN true; END IF;"
	"IF lower(v) IN ('f', 'false', '0') THEN RETURN false; END IF;"
	"IF NOT soft THEN PERFORM ferry_offline.cast_error(v, 'BOOLEAN'); END IF; RETURN NULL; END "
	"$$;"

	"CREATE FUNCTION ferry_offline.cast_date(v text, soft bool) RETURNS date"
	" LANGUAGE plpgsql IMMUTABLE STRICT AS $$"
	"BEGIN IF v ~ '^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}$' THEN BEGIN RETURN to_date(v, "
	"'FXYYYY-FMMM-FMDD');"
	" EXCEPTION WHEN data_exception THEN NULL; END; END IF;"
	"IF NOT soft THEN RAISE EXCEPTION USING ERRCODE = 'ZF001', MESSAGE ="
	" format('INVALID_CAST_ARGUMENT: Value cannot be cast to date: %s', v); END IF; RETURN "
	"NULL; END $$;"

	"CREATE FUNCTION ferry_offline.cast_timestamp(v text, soft bool) RETURNS timestamp(3)"
	" LANGUAGE plpgsql IMMUTABLE STRICT AS $$"
	"BEGIN IF v ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}( "
	"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,6})?)?)?$' THEN"
	" BEGIN RETURN v::timestamp(3); EXCEPTION WHEN data_exception THEN NULL; END; END IF;"
	"IF NOT soft THEN RAISE EXCEPTION USING ERRCODE = 'ZF001', MESSAGE ="
	" format('INVALID_CAST_ARGUMENT: Value cannot be cast to timestamp: %s', v); END IF;"
	"RETURN NULL; END $$;"

	"CREATE FUNCTION ferry_offline.iso_timestamp(v text) RETURNS timestamptz"
	" LANGUAGE plpgsql IMMUTABLE STRICT AS $$"
	"BEGIN IF v ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
	"(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$' THEN BEGIN"
	" RETURN date_trunc('milliseconds', replace(v, ',', '.')::timestamptz);"
	" EXCEPTION WHEN data_exception THEN NULL; END; END IF;"
	"RAISE EXCEPTION USING ERRCODE = 'ZF001', MESSAGE ="
	" format('INVALID_FUNCTION_ARGUMENT: Invalid format: \"%s\"', v); END $$;"

	/* the text Java has for a double: plain from 1e-3 to 1e7, else one digit before the point
	 */
	"CREATE FUNCTION ferry_offline.java_double(v float8) RETURNS text"
	" LANGUAGE plpgsql IMMUTABLE STRICT AS $$"
	"DECLARE t text := abs(v)::text; d text; e int := 0; sign text := ''; p int;"
	"BEGIN IF v = 'NaN' THEN RETURN 'NaN'; END IF;"
	"IF left(v::text, 1) = '-' THEN sign := '-'; END IF;"
	"IF t = 'Infinity' THEN RETURN sign || t; END IF;"
	"IF v = 0 THEN RETURN sign || '0.0'; END IF;"
	"IF strpos(t, 'e') > 0 THEN e := split_part(t, 'e', 2)::int; t := split_part(t, 'e', 1); "
	"END IF;"
	"p := strpos(t || '.', '.') - 1 + e; d := replace(t, '.', '');"
	"p := p - length(d) + length(ltrim(d, '0')); d := rtrim(ltrim(d, '0'), '0');"
	"IF abs(v) >= 1e-3 AND abs(v) < 1e7 THEN"
	" IF p <= 0 THEN RETURN sign || '0.' || repeat('0', -p) || d; END IF;"
	" RETURN sign || rpad(left(d, p), p, '0') || '.' || coalesce(nullif(substr(d, p + 1), ''), "
	"'0');"
	"END IF;"
	"RETURN sign || left(d, 1) || '.' || coalesce(nullif(substr(d, 2), ''), '0') || 'E' || (p "
	"- 1);"
	"END $$;";

const char *pg_type_of(enum trino_type type)
{
	static const char *const types[] = { "text", "boolean", "integer", "bigint", "numeric",
		"float8", "text", "date", "timestamp(3)", "timestamptz", "interval" };

	return types[type];
}

static enum trino_type parse_type(struct parser *p)
{
	static const struct {
		const char *word;
		enum trino_type type;
	} types[] = { { "BOOLEAN", TYPE_BOOLEAN }, { "INTEGER", TYPE_INTEGER },
		{ "INT", TYPE_INTEGER }, { "BIGINT", TYPE_BIGINT }, { "DOUBLE", TYPE_DOUBLE },
		{ "VARCHAR", TYPE_VARCHAR }, { "STRING", TYPE_VARCHAR }, { "DATE", TYPE_DATE },
		{ "TIMESTAMP", TYPE_TIMESTAMP } };
	const struct token *t = take(p);

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (!is_word(t, types[i].word))
			continue;
		if (accept_op(p, "("))
			unsupported(p, t, "a type with a length or precision");
		if (is_word(peek(p), "WITH"))
			unsupported(p, t, "a cast to timestamp with time zone");
		return types[i].type;
	}
	unsupported(p, t, "a type");
}

static struct sl cast_text(struct parser *p, struct sl v, enum trino_type type, bool try)
{
	const char *t = try ? "true" : "false";

	switch (type) {
	case TYPE_BIGINT:
		return sqlf(p,
			"ferry_offline.cast_bigint(%.*s, -9223372036854775808, "
			"9223372036854775807, "
			"'BIGINT', %s)",
			F(v), t);
	case TYPE_INTEGER:
		return sqlf(p,
			"ferry_offline.cast_bigint(%.*s, -2147483648, 2147483647, 'INT', "
			"%s)::integer",
			F(v), t);
	case TYPE_DOUBLE:
		return sqlf(p, "ferry_offline.cast_double(%.*s, %s)", F(v), t);
	case TYPE_BOOLEAN:
		return sqlf(p, "ferry_offline.cast_boolean(%.*s, %s)", F(v), t);
	case TYPE_DATE:
		return sqlf(p, "ferry_offline.cast_date(%.*s, %s)", F(v), t);
	case TYPE_TIMESTAMP:
		return sqlf(p, "ferry_offline.cast_timestamp(%.*s, %s)", F(v), t);
	default:
		return (struct sl){ NULL, 0 };
	}
}

static struct sl text_of(struct parser *p, const struct expr *e)
{
	switch (e->type) {
	case TYPE_BOOLEAN:
		return sqlf(p, "(%.*s)::boolean::text", F(e->sql));
	case TYPE_INTEGER:
	case TYPE_BIGINT:
	case TYPE_DATE:
		return sqlf(p, "(%.*s)::text", F(e->sql));
	case TYPE_DOUBLE:
		return sqlf(p, "ferry_offline.java_double(%.*s)", F(e->sql));
	case TYPE_TIMESTAMP:
		return sqlf(p, "to_char(%.*s, 'YYYY-MM-DD HH24:MI:SS.MS')", F(e->sql));
	case TYPE_TIMESTAMP_TZ:
		return sqlf(p, "(to_char(%.*s, 'YYYY-MM-DD HH24:MI:SS.MS') || ' UTC')", F(e->sql));
	default:
		return (struct sl){ NULL, 0 };
	}
}

static struct sl cast_other(struct parser *p, const struct expr *e, enum trino_type type)
{
	bool whole = type == TYPE_INTEGER || type == TYPE_BIGINT;
	const char *name = type == TYPE_INTEGER ? "integer" : "bigint";

	if (whole && (e->type == TYPE_INTEGER || e->type == TYPE_BIGINT || e->type == TYPE_BOOLEAN))
		return e->type == TYPE_BOOLEAN ? sqlf(p, "(%.*s)::integer::%s", F(e->sql), name)
					       : sqlf(p, "(%.*s)::%s", F(e->sql), name);
	if (whole && e->type == TYPE_DOUBLE) /* half up, where PostgreSQL rounds to even */
		return sqlf(p, "floor((%.*s) + 0.5)::%s", F(e->sql), name);
	if (type == TYPE_DOUBLE && is_numeric(e->type))
		return sqlf(p, "(%.*s)::float8", F(e->sql));
	if (type == TYPE_DATE && (e->type == TYPE_TIMESTAMP || e->type == TYPE_TIMESTAMP_TZ))
		return sqlf(p, "(%.*s)::date", F(e->sql));
	if (type == TYPE_TIMESTAMP && (e->type == TYPE_DATE || e->type == TYPE_TIMESTAMP_TZ))
		return sqlf(p, "(%.*s)::timestamp(3)", F(e->sql));
	return (struct sl){ NULL, 0 };
}

struct expr cast_to(struct parser *p, struct expr e, enum trino_type type, bool try)
{
	struct expr out = { .type = type, .where = e.where };

	if (e.type == type)
		out.sql = e.sql;
	else if (e.type == TYPE_UNKNOWN)
		out.sql = sqlf(p, "NULL::%s", pg_type_of(type));
	else if (type == TYPE_VARCHAR)
		out.sql = text_of(p, &e);
	else if (e.type == TYPE_VARCHAR)
		out.sql = cast_text(p, e.sql, type, try);
	else
		out.sql = cast_other(p, &e, type);
	if (!out.sql.p && (is_time(e.type) != is_time(type)) && e.type != TYPE_INTERVAL &&
		type != TYPE_VARCHAR)
		fail_at(p, e.where, "TYPE_MISMATCH", "Cannot cast %s to %s",
			trino_type_name(e.type), trino_type_name(type));
	if (!out.sql.p)
		unsupported(p, e.where, "this cast");
	return out;
}

struct expr parse_cast(struct parser *p, bool try)
{
	struct expr e;

	expect_op(p, "(");
	e = parse_expr(p);
	expect_word(p, "AS");
	e = cast_to(p, e, parse_type(p), try);
	expect_op(p, ")");
	return e;
}
