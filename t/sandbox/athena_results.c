/* GetQueryResults: pages of the CSV result. */
#include "athena_api.h"

#include "core/num.h"
#include "s3_store.h"

#include <unistd.h>

#define MAX_PAGE 1000

/* The CSV from some byte on, read in pieces. */
struct csv {
	int fd;
	uint64_t at; /* of the first byte not taken */
	char buf[65536];
	size_t n, next;
};

static int next_char(struct csv *c)
{
	if (c->next == c->n) {
		ssize_t got = pread(c->fd, c->buf, sizeof c->buf, (off_t)c->at);

		if (got <= 0)
			return -1;
		c->n = (size_t)got;
		c->next = 0;
	}
	c->at++;
	return (unsigned char)c->buf[c->next++];
}

/* One record as {"Data":[…]}; an unquoted field is NULL. False at the end. */
static bool put_row(struct csv *c, struct str *out, bool first)
{
	struct str value = { 0 };
	int ch = next_char(c);

	if (ch < 0)
		return false;
	str_addz(out, first ? "{\"Data\":[" : ",{\"Data\":[");
	for (;;) {
		if (ch != '"') {
			str_addz(out, "{}");
		} else {
			str_clear(&value);
			while ((ch = next_char(c)) >= 0) {
				if (ch == '"' && (ch = next_char(c)) != '"')
					break;
				str_addc(&value, (char)ch);
			}
			str_addz(out, "{\"VarCharValue\":");
			str_add_json(out, str_sl(&value));
			str_addc(out, '}');
		}
		if (ch != ',')
			break;
		str_addc(out, ',');
		ch = next_char(c);
	}
	str_free(&value);
	str_addz(out, "]}");
	return true;
}

static void put_metadata(struct str *s, const struct athena_query *q)
{
	put_key(s, "ResultSetMetadata");
	str_addz(s, "{\"ColumnInfo\":[");
	for (size_t i = 0; i < q->columns.n; i++) {
		struct sl type = q->columns.v[i].value;
		bool text = sl_eq(type, SL("varchar"));

		str_addz(s, i ? ",{" : "{");
		put_member(s, "CatalogName", SL("hive"));
		put_member(s, "SchemaName", SL(""));
		put_member(s, "TableName", SL(""));
		put_member(s, "Name", q->columns.v[i].name);
		put_member(s, "Label", q->columns.v[i].name);
		put_member(s, "Type", type);
		put_memberi(s, "Precision", text ? 2147483647 : sl_eq(type, SL("bigint")) ? 19 : 0);
		put_memberi(s, "Scale", 0);
		put_member(s, "Nullable", SL("UNKNOWN"));
		put_key(s, "CaseSensitive");
		str_addz(s, text ? "true}" : "false}");
	}
	str_addz(s, "]}");
}

static bool read_page(struct exchange *x, const struct json *in, uint64_t *max, uint64_t *at)
{
	struct sl token = SL("");

	*max = MAX_PAGE;
	*at = 0;
	if (json_get(in, "MaxResults") &&
		(!json_get_u64(in, "MaxResults", max) || *max < 1 || *max > MAX_PAGE))
		return exchange_fail(x, 400, "InvalidRequestException",
			"MaxResults is more than maximum allowed length 1000.");
	(void)json_get_str(in, "NextToken", &token);
	if (token.n && (token.n < 4 || memcmp(token.p, "at-", 3) != 0 ||
			       !num_u64((struct sl){ token.p + 3, token.n - 3 }, at)))
		return exchange_fail(x, 400, "InvalidRequestException", "Invalid NextToken.");
	return true;
}

static bool check_state(struct exchange *x, const struct athena_query *q)
{
	if (q->state == ATHENA_QUEUED || q->state == ATHENA_RUNNING)
		return exchange_fail(x, 400, "InvalidRequestException",
			"Query has not yet finished. Current state: %s",
			q->state == ATHENA_QUEUED ? "QUEUED" : "RUNNING");
	if (q->state != ATHENA_SUCCEEDED)
		return exchange_fail(x, 400, "InvalidRequestException",
			"Query did not finish successfully. Final query state: %s",
			q->state == ATHENA_FAILED ? "FAILED" : "CANCELLED");
	return true;
}

void athena_get_results(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct sl id = SL("");
	const struct athena_query *q;
	struct csv *c;
	uint64_t max, rows = 0;

	(void)json_get_str(in, "QueryExecutionId", &id);
	q = in ? athena_find(x, id) : NULL;
	c = arena_alloc(&x->mem, sizeof *c);
	c->n = c->next = 0;
	if (!q || !check_state(x, q) || !read_page(x, in, &max, &c->at))
		return;
	put_memberi(&x->out, "UpdateCount", q->result_file ? 0 : (int64_t)q->rows);
	put_key(&x->out, "ResultSet");
	str_addz(&x->out, "{\"Rows\":[");
	c->fd = q->result_file ? s3_store_open(q->result_file) : -1;
	while (c->fd >= 0 && rows < max && put_row(c, &x->out, rows == 0))
		rows++;
	str_addc(&x->out, ']');
	put_metadata(&x->out, q);
	str_addc(&x->out, '}');
	if (c->fd >= 0 && (c->next < c->n || next_char(c) >= 0))
		put_member(&x->out, "NextToken",
			exchange_printf(x, "at-%llu", (unsigned long long)(c->at - (rows < max))));
	str_addc(&x->out, '}');
	if (c->fd >= 0)
		(void)close(c->fd);
}
