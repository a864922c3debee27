/*
 * quality-clean - clean records by rules, and say what was found.
 *
 * What is done to one record is in stream/quality.h, which of its copies is kept in
 * stream/dedup.h; this program makes the keys, and the report. Works in the memory of one record
 * and of the keys.
 *
 * contract: quality-clean --enable normalize_strings,deduplicate -k value
 * contract: quality-clean --enable deduplicate -k value --keep newest --event-time created_time \
 *           --memory 64K
 */
#include "core/path.h"
#include "core/tmpf.h"
#include "stream/dedup.h"
#include "stream/filter.h"
#include "stream/in.h"
#include "stream/namelist.h"
#include "stream/out.h"
#include "stream/profile.h"
#include "stream/quality.h"

#define MAX_KEY 16

struct state {
	struct io_opts io;
	const char *rules_file, *event_time, *report, *profile_file;
	struct opt_list enable, disable, key, untouched;
	int keep; /* 0 as the rules say, else one more than enum quality_keep */
	uint64_t memory;
	int report_format;
	bool print_rules, rules_first;

	struct quality_rules rules;
	struct quality *quality;
	struct profile *profile; /* NULL: none is wanted */
	struct dedup *dedup; /* NULL: every record passes */
	struct sip_key sip;  /* of keys; another one is for whole records */
	struct field raw;    /* the key before it was cleaned, where it is one field; or no text */
	struct hash128 raw_hash;
	size_t key_at[MAX_KEY], time_at;
	struct field *row;
	size_t row_cap;
	struct str key_text;
};

static const struct opt options[] = {
	{ .name = "rules", .letter = 'r', STATE(rules_file), .arg = "FILE", .file = OPT_READS,
	  .help = "the rules, as JSON" },
	{ .name = "print-rules", STATE(print_rules), .help = "print a rules file to begin with" },
	{ .name = "enable", STATE(enable), .arg = "RULE,...", .help = "whatever the file says" },
	{ .name = "disable", STATE(disable), .arg = "RULE,...", .help = "whatever the file says" },
	{ .name = "untouched", STATE(untouched), .arg = "NAME,...",
	  .help = "fields that rules for NULLs and texts leave alone, unless they name them" },
	{ .kind = OPT_GROUP, .help = "Duplicates (rule deduplicate)" },
	{ .name = "key", .letter = 'k', STATE(key), .arg = "NAME,...",
	  .help = "fields that name a record (default customer_id, or all)" },
	{ .name = "keep", STATE(keep), .choices = "auto|first|newest|last",
	  .help = "of records with one key" },
	{ .name = "event-time", STATE(event_time), .arg = "NAME",
	  .help = "field that tells the newest (default event_time)" },
	{ .name = "rules-first", STATE(rules_first),
	  .help = "--key and --event-time only where the rules leave that open" },
	{ .name = "memory", .kind = OPT_SIZE, .arg = "SIZE",
	  .offset = offsetof(struct state, memory), .min = 65536,
	  .help = "for keys; what does not fit goes to $TMPDIR (default: all)" },
	{ .kind = OPT_GROUP, .help = "Quality report" },
	{ .name = "report", .letter = 'R', STATE(report), .arg = "FILE",
	  .help = "write it here; - is standard error" },
	{ .name = "profile", STATE(profile_file), .arg = "FILE",
	  .help = "write what values each column has, as read; - is standard error" },
	{ .name = "report-format", STATE(report_format), .choices = QUALITY_FORMATS,
	  .help = "of both" },
	FILTER_OPTS,
};

/* ---- the rules ------------------------------------------------------------------------------ */

/* The rules of --enable or --disable. */
static void switch_rules(
	struct state *st, const struct opt_list *lists, const char *option, bool on)
{
	AUTO_NAMES names = { 0 };
	enum quality_rule rule;

	filter_names(&names, lists, option);
	for (size_t i = 0; i < names.n; i++) {
		if (!quality_rule_parse(names.name[i], &rule))
			opt_usage("--%s: no such rule: %s", option, msg_q(names.name[i]));
		if (on && !quality_rule_can_enable(&st->rules, rule))
			opt_usage("--enable: the rules file must say what %s is to do",
				msg_q(names.name[i]));
		st->rules.enabled[rule] = on;
	}
}

static void set_duplicates(struct state *st)
{
	struct quality_rules *r = &st->rules;

	if (st->key.n && !(st->rules_first && r->key_given)) {
		names_clear(&r->key);
		names_clear(&r->named[RULE_DUPLICATES]); /* which were the file's key */
		r->key_given = true;
		filter_names(&r->key, &st->key, "key");
	}
	if (st->keep)
		r->keep = (enum quality_keep)(st->keep - 1);
	if (st->event_time && !(st->rules_first && r->event_time))
		r->event_time = st->event_time;
	if (!r->event_time)
		r->event_time = "event_time";
	if (r->key.n > MAX_KEY)
		opt_usage("--key: at most %d fields", MAX_KEY);
	if (!r->enabled[RULE_DUPLICATES]) {
		if (st->keep || (!st->rules_first && (st->key.n || st->event_time)))
			opt_usage("--key, --keep and --event-time need --enable deduplicate");
		return;
	}
	st->dedup = dedup_new(r->keep != KEEP_FIRST, st->memory);
	st->sip = sip_random_key();
}

static void check(struct state *st)
{
	bool any = false;

	if (st->print_rules) {
		out_print(sl_of(quality_rules_example));
		leave(EX_DONE);
	}
	if (st->report && strcmp(st->report, "-") != 0)
		path_claim(PATH_WRITE, "--report", st->report);
	if (st->profile_file && strcmp(st->profile_file, "-") != 0)
		path_claim(PATH_WRITE, "--profile", st->profile_file);
	st->profile = st->profile_file ? profile_new() : NULL;
	quality_rules_read(&st->rules, st->rules_file);
	switch_rules(st, &st->enable, "enable", true);
	switch_rules(st, &st->disable, "disable", false);
	for (size_t i = 0; i < N_QUALITY_RULES; i++)
		any |= st->rules.enabled[i];
	if (!any && !st->rules_file && !st->profile)
		opt_usage("--rules is needed; --print-rules prints a file to begin with");
	filter_names(&st->rules.untouched, &st->untouched, "untouched");
	set_duplicates(st);
	st->quality = quality_new(&st->rules);
}

/* ---- columns -------------------------------------------------------------------------------- */

/* A rule for a column that is not there does nothing: the name is wrong, or the file is. */
static void refuse_unknown(const struct state *st, struct filter_run *run, const struct names *cols)
{
	enum quality_rule rule;
	struct sl name;

	if (quality_rules_lack(&st->rules, cols, &rule, &name))
		die_hint(EX_DATA,
			rule == RULE_DUPLICATES ? "--key names another column"
						    : "--disable leaves a rule out",
			"%s: there is no column %s, which the rule %s is for",
			in_name(rd_in(filter_io(run)->rd)), msg_q(name), quality_rule_name(rule));
}

/* Records of NDJSON may well lack what is optional; but never to have it is worth a word. */
static void warn_of_unseen(const struct state *st, struct filter_run *run)
{
	const struct io *io = filter_io(run);
	enum quality_rule rule;
	struct sl name;

	if (io->meter.rows && quality_rules_lack(&st->rules, rd_cols(io->rd), &rule, &name))
		msg_warn("no record has %s, which the rule %s is for", msg_q(name),
			quality_rule_name(rule));
}

static void start(struct state *st, struct filter_run *run, const struct names *cols)
{
	struct quality_rules *r = &st->rules;

	/* A name mistyped here would have the rules change what they are to leave alone. */
	namelist_resolve_all(&r->untouched, cols);
	for (size_t i = 0; i < r->untouched.n; i++)
		(void)filter_column(run, r->untouched.name[i], "untouched");
	if (format_traits(rd_format(filter_io(run)->rd))->header)
		refuse_unknown(st, run, cols);
	quality_columns(st->quality, cols);
	mem_grow(&st->row, &st->row_cap, cols->n, sizeof *st->row);
	if (st->dedup) {
		for (size_t i = 0; i < r->key.n; i++)
			st->key_at[i] = r->key_given ? filter_column(run, r->key.name[i], "key")
						     : names_find(cols, r->key.name[i]);
		if (r->keep == KEEP_NEWEST || st->event_time)
			st->time_at = filter_column(run, sl_of(r->event_time), "event-time");
	}
	filter_cols(run, cols->name, cols->n);
}

/* ---- duplicates ----------------------------------------------------------------------------- */

static void add_text(struct str *s, struct sl text)
{
	uint32_t n = (uint32_t)text.n;

	str_add(s, (struct sl){ (const char *)&n, sizeof n });
	str_add(s, text);
}

/* A record without a key is a duplicate of one that has the same values, and no key either. */
static struct hash128 hash_record(struct state *st, size_t n)
{
	struct sip_key other = { st->sip.k0 ^ 1, st->sip.k1 };
	struct str *s = &st->key_text;

	str_clear(s);
	for (size_t i = 0; i < n; i++) {
		char head[5] = { (char)st->row[i].kind };
		uint32_t at = (uint32_t)i;

		if (field_is_null(&st->row[i]))
			continue;
		memcpy(head + 1, &at, sizeof at);
		str_add(s, (struct sl){ head, sizeof head });
		add_text(s, field_sl(&st->row[i]));
	}
	return sip_hash(&other, str_sl(s));
}

static bool has_key(const struct state *st, size_t n)
{
	for (size_t i = 0; i < st->rules.key.n; i++)
		if (st->key_at[i] >= n || field_is_null(&st->row[st->key_at[i]]))
			return false;
	return true;
}

/* The key mostly stays as it came: what is known of it comes while the rules are at work. */
static void expect_key(struct state *st, const struct rec *rec)
{
	st->raw.p = NULL;
	if (!st->dedup || st->rules.key.n != 1 || st->key_at[0] >= rec->n)
		return;
	st->raw = rec->f[st->key_at[0]];
	st->raw_hash = sip_hash(&st->sip, field_sl(&st->raw));
	dedup_expect(st->dedup, st->raw_hash);
}

/* Keys are texts: 1 and "1" are one key, as they are one identifier in a store. */
static struct hash128 hash_key(struct state *st)
{
	const struct field *f = &st->row[st->key_at[0]];
	size_t n = st->rules.key.n;

	if (n == 1)
		return f->p == st->raw.p && f->n == st->raw.n ? st->raw_hash
							      : sip_hash(&st->sip, field_sl(f));
	str_clear(&st->key_text);
	for (size_t i = 0; i < n; i++)
		add_text(&st->key_text, field_sl(&st->row[st->key_at[i]]));
	return sip_hash(&st->sip, str_sl(&st->key_text));
}

/*
 * What has no event time is older than all that have one. False where it cannot be compared: of
 * 02/01/2024 and of milliseconds nobody knows what they are newer than.
 */
static bool event_time(const struct state *st, size_t n, int64_t *ns)
{
	const struct field *f = st->time_at < n ? &st->row[st->time_at] : NULL;

	*ns = INT64_MIN;
	return !f || field_is_null(f) || cast_time_ns(field_sl(f), ns);
}

static void emit_held(struct state *st, struct filter_run *run)
{
	struct field *f;
	size_t n;

	dedup_settle(st->dedup);
	while (dedup_next(st->dedup, &f, &n))
		filter_emit(run, f, n);
}

static bool pass_unique(
	struct state *st, struct filter_run *run, const struct rec *rec, int64_t time)
{
	struct hash128 key;

	if (has_key(st, rec->n))
		key = hash_key(st);
	else if (st->rules.keyless == KEYLESS_KEEP)
		key = (struct hash128){ rec->record, ~UINT64_C(0) };
	else
		key = hash_record(st, rec->n);
	if (st->rules.keep == KEEP_LAST)
		time = (int64_t)rec->record;
	switch (dedup_put(st->dedup, key, time, st->row, rec->n)) {
	case DEDUP_PASS:
		return true;
	case DEDUP_HELD:
		if (dedup_is_full(st->dedup))
			emit_held(st, run);
		return false;
	case DEDUP_DROP:
		return false;
	}
	return false;
}

/* ---- records -------------------------------------------------------------------------------- */

static void refuse(const struct state *st, struct filter_run *run, const struct rec *rec,
	const struct quality_fault *fault)
{
	io_reject_value(filter_io(run), rec, fault->field,
		fault->at < rec->n ? field_sl(&st->row[fault->at]) : SL(""), fault->why);
}

static void row(struct state *st, struct filter_run *run, const struct rec *rec)
{
	struct quality_fault fault;
	int64_t time = 0;

	if (st->profile)
		profile_add(st->profile, rec);
	if (rec->n > 0) /* no record has to have members */
		memcpy(st->row, rec->f, rec->n * sizeof *st->row);
	expect_key(st, rec);
	switch (quality_clean(st->quality, st->row, rec->n, &fault)) {
	case QUALITY_DROP:
		return;
	case QUALITY_REJECT:
		refuse(st, run, rec, &fault);
		return;
	case QUALITY_KEEP:
		break;
	}
	if (st->dedup && st->rules.keyless == KEYLESS_REJECT && !has_key(st, rec->n)) {
		fault = (struct quality_fault){ NAMES_NONE, st->rules.key.name[0],
			"missing, but it names the record" };
		refuse(st, run, rec, &fault);
		return;
	}
	if (st->dedup && st->rules.keep == KEEP_NEWEST && !event_time(st, rec->n, &time)) {
		fault = (struct quality_fault){ st->time_at, sl_of(st->rules.event_time),
			"not a time (ISO 8601, or Unix seconds), but it tells the newest" };
		refuse(st, run, rec, &fault);
		return;
	}
	if (!st->dedup || pass_unique(st, run, rec, time))
		filter_emit(run, st->row, rec->n);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void write_text(const char *path, const struct str *s)
{
	bool written = strcmp(path, "-") == 0
			       ? fwrite(s->p, 1, s->n, stderr) == s->n && fflush(stderr) == 0
			       : tmpf_replace(path, str_sl(s), 0644);

	if (!written)
		die_errno(EX_CANTCREATE, "cannot write %s", msg_q(sl_of(path)));
}

static void write_profile(const struct state *st, struct filter_run *run)
{
	static const enum report_format formats[] = { REPORT_TABLE, REPORT_JSON, REPORT_MARKDOWN };
	AUTO_STR s = { 0 };

	if (!st->profile)
		return;
	profile_put(st->profile, rd_cols(filter_io(run)->rd), formats[st->report_format], &s);
	write_text(st->profile_file, &s);
}

/* Nothing else says that a key was guessed. */
static void tell_removed(const struct state *st, const struct quality_figures *f, bool keyed)
{
	if (keyed && !st->rules.key_given && f->duplicates > 0)
		msg_note("no key is given, so records are told apart by %s: %llu are removed as "
			 "duplicates; --key names another",
			msg_q(st->rules.key.name[0]), (unsigned long long)f->duplicates);
}

static void write_report(struct state *st, struct filter_run *run)
{
	struct quality_figures f = *quality_figures(st->quality);
	const struct io *io = filter_io(run);
	AUTO_STR s = { 0 };

	f.input = io->meter.rows;
	f.rejected = io->meter.n_rejects;
	f.duplicates = st->dedup ? dedup_dropped(st->dedup) : 0;
	f.output = wr_rows(io->wr);
	tell_removed(st, &f,
		names_find(rd_cols(io->rd), st->rules.key.name[0]) != NAMES_NONE);
	if (f.not_numbers > 0)
		msg_warn("%llu values under a range of numbers are no numbers and stay as they are",
			(unsigned long long)f.not_numbers);
	if (f.no_times_kept > 0)
		msg_warn("%llu values under a range of times are no times and stay as they are",
			(unsigned long long)f.no_times_kept);
	if (st->dedup)
		msg_detail("%llu bytes of keys at most",
			(unsigned long long)dedup_peak_bytes(st->dedup));
	if (!st->report)
		return;
	quality_report(&s, &st->rules, &f, (enum quality_format)st->report_format);
	write_text(st->report, &s);
}

static void seal(struct state *st, struct filter_run *run)
{
	if (st->dedup)
		emit_held(st, run);
}

static void end(struct state *st, struct filter_run *run)
{
	warn_of_unseen(st, run);
	write_report(st, run);
	write_profile(st, run);
}

static void release(struct state *st)
{
	quality_free(st->quality);
	quality_rules_free(&st->rules);
	dedup_free(st->dedup);
	profile_free(st->profile);
	mem_free(st->row);
	str_free(&st->key_text);
}

static const struct filter quality_clean_filter = {
	.program = { .name = "quality-clean",
		     .summary = "clean records by rules, and say what was found",
		     .synopsis = "--rules FILE [options] [FILE...]",
		     .examples = "  quality-clean --print-rules >rules.json\n"
				 "  quality-clean -r rules.json -R - -k id people.csv\n",
		     .opts = options },
	FILTER_STATE,
	.check = check,
	.start = start,
	.row = row,
	.seal = seal,
	.end = end,
	.release = release,
};

int main(int argc, char **argv)
{
	return filter_main(&quality_clean_filter, argc, argv);
}
