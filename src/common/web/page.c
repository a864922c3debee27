/*
 * page.c - a small language of templates:
 *
 *	{{name}}              the column of the row at hand, or a value of the page, escaped
 *	{{=name}} {{t text}}  a word of ours, in the user's language
 *	{{&name}}             markup that we have made
 *	{{for name}} a {{none}} b {{end}}    `a` for each row of that query of job.queries, or `b`
 */
#include "web/page.h"

#include "core/html.h"
#include "ledger/ledger_report.h"

/* Made by make of the files of these names; hashes are those of a Content-Security-Policy. */
extern const char web_job_html[], web_jobs_html[], web_shell_html[], web_job_queries[],
	web_page_css[], web_page_js[], web_page_css_hash[], web_page_js_hash[];

struct value {
	const char *name;
	struct sl text;
};

struct page {
	struct pg *target;
	const char *job;
	const struct value *value; /* ended by a name that is NULL */
};

/* Cuts off what is before `mark`, or all; what is behind the mark stays. */
static struct sl cut(struct sl *text, const char *mark)
{
	const char *at = text->n ? memmem(text->p, text->n, mark, strlen(mark)) : NULL;
	struct sl before = { text->p, at ? (size_t)(at - text->p) : text->n };
	size_t gone = before.n + (at ? strlen(mark) : 0);

	*text = (struct sl){ text->p + gone, text->n - gone };
	return before;
}

static bool take(struct sl *text, const char *prefix)
{
	size_t n = strlen(prefix);
	bool is = text->n >= n && memcmp(text->p, prefix, n) == 0;

	*text = is ? (struct sl){ text->p + n, text->n - n } : *text;
	return is;
}

static void put_word(struct str *out, struct sl text)
{
	AUTO_FREE char *word = mem_sldup(text);

	html_add(out, *word ? sl_of(tr(word)) : SL(""));
}

static void put_value(const struct page *p, const struct pg_result *r, size_t row, struct sl name,
	struct str *out)
{
	bool markup = take(&name, "&"), word = take(&name, "=");
	AUTO_FREE char *key = mem_sldup(name);
	int col = r ? pg_find_column(r, key) : -1;
	const struct value *v = p->value;

	while (col < 0 && v->name && strcmp(v->name, key) != 0)
		v++;
	if (col < 0 && !v->name)
		bug("a page has no %s", key);
	(markup ? str_add : word ? put_word : html_add)(out,
		col >= 0 ? sl_of(pg_valuez(r, row, col)) : v->text);
}

static void render(const struct page *p, struct sl text, const struct pg_result *r, size_t row,
	struct str *out);

static void put_rows(const struct page *p, struct sl name, struct sl block, struct str *out)
{
	struct sl each = cut(&block, "{{none}}"), sql = sl_of(web_job_queries);
	AUTO_STR mark = { 0 }, text = { 0 };
	AUTO_RESULT *r = NULL;

	str_addf(&mark, "\n--: %.*s\n", (int)name.n, name.p);
	(void)cut(&sql, str_z(&mark));
	str_add(&text, cut(&sql, "\n--: "));
	r = pg_ask(p->target, str_z(&text), p->job);
	for (size_t i = 0; i < pg_rows(r); i++)
		render(p, each, r, i, out);
	if (pg_rows(r) == 0)
		render(p, block, NULL, 0, out);
}

static void render(const struct page *p, struct sl text, const struct pg_result *r, size_t row,
	struct str *out)
{
	while (text.n > 0) {
		struct sl tag;

		str_add(out, cut(&text, "{{"));
		tag = cut(&text, "}}");
		if (tag.n == 0)
			return;
		if (take(&tag, "for "))
			put_rows(p, tag, cut(&text, "{{end}}"), out);
		else if (take(&tag, "t "))
			put_word(out, tag);
		else
			put_value(p, r, row, tag, out);
	}
}

static void put_sections(const struct page *p, const char *html, page_fn *put, void *ctx)
{
	struct sl rest = sl_of(html);

	for (unsigned part = 0; rest.n > 0; part++) {
		AUTO_STR text = { 0 };

		render(p, cut(&rest, "</section>\n"), NULL, 0, &text);
		str_addz(&text, "</section>\n");
		put(ctx, part, str_sl(&text));
	}
}

/* What the queries do not say of a job. */
static void put_job(const struct page *common, const struct ledger_state *s, page_fn *put,
	void *ctx)
{
	AUTO_STR goes_to = { 0 }, pace = { 0 }, eta = { 0 }, lag = { 0 };

	str_addf(&goes_to, "%s.%s…", s->job.target_schema, s->job.target_prefix);
	str_addf(&pace, "%.0f", s->pace.rows_per_s);
	if (s->pace.eta_us >= 0)
		report_add_span(&eta, s->pace.eta_us);
	if (s->live.lag_us >= 0 && s->live.any)
		str_addf(&lag, "%.3f s", (double)s->live.lag_us / 1e6);
	put_sections(&(struct page){ common->target, common->job,
			     (struct value[]){ { "job", sl_of(common->job) },
				     { "source_table", sl_of(s->job.source_table) },
				     { "target", str_sl(&goes_to) },
				     { "state", sl_of(ledger_state_word(&s->total, &s->live)) },
				     { "pace", str_sl(&pace) },
				     { "eta", eta.n ? str_sl(&eta) : SL("–") },
				     { "lag", lag.n ? str_sl(&lag) : SL("–") },
				     { "guarantee", sl_of(ledger_guarantee(s)) },
				     common->value[0],
				     common->value[1],
				     { NULL } } },
		web_job_html, put, ctx);
}

void page_parts(struct pg *target, const struct ledger_job *job, page_fn *put, void *ctx)
{
	char now[CLOCK_TEXT_MAX], number[24] = "0";
	struct value common[] = { { "version", SL(FERRY_VERSION) },
		{ "now", { now, clock_put(now, clock_floor(clock_now(), CLOCK_US_PER_SEC),
				       false) } },
		{ NULL } };
	struct page page = { target, number, common };
	struct ledger_state state;
	AUTO_STR metrics = { 0 }, json = { 0 };

	pg_exec(target, LEDGER_ONE_STATE);
	if (job) {
		(void)snprintf(number, sizeof number, "%llu", (unsigned long long)job->id);
		ledger_state_take(&state, &(struct ledger_part){ target, job->id, NULL, 0 }, job,
			false);
		put_job(&page, &state, put, ctx);
		ledger_prometheus(&state, &metrics);
		put(ctx, PAGE_METRICS, str_sl(&metrics));
		ledger_report(&state, REPORT_JSON, &json);
		put(ctx, PAGE_JSON, str_sl(&json));
		ledger_state_free(&state);
	} else {
		put_sections(&page, web_jobs_html, put, ctx);
	}
	pg_exec(target, "COMMIT");
}

void page_policy(struct str *out, bool live)
{
	str_addf(out, PAGE_POLICY, web_page_css_hash);
	if (live)
		str_addf(out,
			"; script-src 'sha256-%s'; connect-src 'self'; img-src 'self';"
			" form-action 'self'; frame-ancestors 'none'",
			web_page_js_hash);
}

/* Pages of other targets that the front door serves beside this one: lines of NAME URL. */
static void put_links(struct str *nav)
{
	const char *links = getenv("FERRY_WEB_LINKS");
	struct sl rest = sl_of(links ? links : ""), url, name;

	while (sl_cut(&rest, '\n', &url) && sl_cut(&url, ' ', &name)) {
		str_addz(nav, " · <a href=\"");
		html_add(nav, url);
		str_addz(nav, "\">");
		html_add(nav, name);
		str_addz(nav, "</a>");
	}
}

void page_whole(struct str *out, bool live, struct sl title, struct sl sections)
{
	AUTO_STR policy = { 0 }, script = { 0 }, nav = { 0 };

	page_policy(&policy, false);
	if (live) {
		str_addf(&nav, "<nav><a href=\"/\">%s</a>", tr("all jobs"));
		put_links(&nav);
		str_addz(&nav, "</nav>\n");
		str_addf(&script, "<script>%s</script>\n", web_page_js);
	}
	render(&(struct page){ NULL, NULL,
		       (struct value[]){ { "lang", sl_of(tr("en")) },
			       { "policy", live ? SL("") : str_sl(&policy) },
			       { "title", title },
			       { "css", sl_of(web_page_css) },
			       { "nav", str_sl(&nav) },
			       { "version", SL(FERRY_VERSION) },
			       { "body", sections },
			       { "script", str_sl(&script) },
			       { NULL } } },
		sl_of(web_shell_html), NULL, 0, out);
}
