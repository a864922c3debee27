#include "stream/extract.h"

#include "core/path.h"

void extract_check(const struct io_opts *opts)
{
	struct meter unused;

	meter_start(&unused, opts);
	meter_on_failure(opts, NULL);
}

struct extract *extract_open(const struct io_opts *opts, bool sealed)
{
	struct wr_conf conf = { .format = (enum format)opts->out_format,
		.sealed = sealed,
		.gzip = (int)opts->gzip };
	struct extract *x = mem_zalloc(sizeof *x);

	x->opts = opts;
	meter_start(&x->meter, opts);
	meter_on_failure(opts, &x->meter);
	if (!opts->output)
		path_claim(PATH_WRITE, "the output", NULL);
	meter_open_rejects(&x->meter);
	if (conf.format == FMT_AUTO)
		conf.format = FMT_CSV;
	x->wr = wr_open(opts->output, &conf);
	return x;
}

void extract_progress(struct extract *x, bool last)
{
	struct meter_place at = { .bytes = wr_bytes(x->wr), .share = x->share };

	meter_show(&x->meter, &at, last);
}

void extract_ticks(struct extract *x, uint64_t n)
{
	x->meter.rows += n;
	if (meter_is_due(&x->meter))
		extract_progress(x, false);
}

void extract_share(struct extract *x, double share)
{
	x->share = share;
}

static void keep_reject(struct extract *x, struct sl field, struct sl value, const char *why,
	struct sl row)
{
	AUTO_STR s = { 0 };

	str_addf(&s, "{\"record\":%llu,\"field\":", (unsigned long long)x->meter.rows);
	str_add_json(&s, field);
	str_addz(&s, ",\"value\":");
	if (value.p)
		str_add_json(&s, value);
	else
		str_addz(&s, "null");
	str_add_member(&s, "why", sl_of(why));
	str_addz(&s, ",\"row\":");
	str_add(&s, row);
	str_addz(&s, "}\n");
	meter_reject(&x->meter, &s, false);
}

void extract_reject(struct extract *x, struct sl field, struct sl value, const char *why,
	struct sl row, bool kept)
{
	if (x->opts->rejects)
		keep_reject(x, field, value, why, row);
	else if (kept)
		meter_count_reject(&x->meter);
	else
		die_hint(EX_DATA, "--rejects FILE keeps bad records and goes on",
			"record %llu: column %s: %s: %.*s", (unsigned long long)x->meter.rows,
			msg_q(field), why, (int)(row.n < 1500 ? row.n : 1500), row.p);
}

void extract_seal(struct extract *x, const struct seal *seal)
{
	if (seal->final)
		meter_check(&x->meter);
	meter_show_rejects(&x->meter);
	wr_seal(x->wr, seal);
}

int extract_close(struct extract *x)
{
	struct meter_sums sums = { .rows_out = wr_rows(x->wr),
		.bytes_out = wr_bytes(x->wr),
		.sealed = wr_is_sealed(x->wr) };

	meter_check(&x->meter);
	meter_close_rejects(&x->meter);
	extract_progress(x, true);
	wr_close(x->wr);
	meter_finish(&x->meter, &sums);
	mem_free(x);
	return EX_DONE;
}
