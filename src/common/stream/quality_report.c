#include "stream/quality_report.h"

#include "core/tr.h"

#define ALWAYS N_QUALITY_RULES
#define FIGURE(m) offsetof(struct quality_figures, m)
#define FOUND(rule) rule, FIGURE(found[rule])

/* Every text of the report, and the only place of each. */
static const char title[] = N_("Data quality report");
static const char rate_label[] = N_("Improvement rate");
static const char figure_heading[] = N_("Figure"), count_heading[] = N_("Count");

static const struct line {
	const char *label;
	const char *member;     /* of the JSON report */
	enum quality_rule rule; /* the line is there when it is enabled */
	size_t offset;
} lines[] = {
	{ N_("Input records"), "total_input", ALWAYS, FIGURE(input) },
	{ N_("Output records"), "total_output", ALWAYS, FIGURE(output) },
	{ N_("NULL values cleaned"), "null_values_removed", RULE_NULLS, FIGURE(nulls) },
	{ N_("Strings normalized"), "strings_normalized", RULE_STRINGS, FIGURE(strings) },
	{ N_("Range violations"), "range_violations_fixed", FOUND(RULE_RANGES) },
	{ N_("Duplicates removed"), "duplicates_removed", RULE_DUPLICATES, FIGURE(duplicates) },
	{ N_("Times of another format"), "times_of_another_format", FOUND(RULE_TIMES) },
	{ N_("Wrong types"), "wrong_types", FOUND(RULE_TYPES) },
	{ N_("Values not allowed"), "values_not_allowed", FOUND(RULE_ALLOWED) },
	{ N_("Pattern mismatches"), "pattern_mismatches", FOUND(RULE_PATTERNS) },
	{ N_("Required values missing"), "required_missing", FOUND(RULE_REQUIRED) },
	{ N_("Values that are no time"), "no_times", ALWAYS, FIGURE(no_times) },
	{ N_("Values that are no number"), "not_numbers", ALWAYS, FIGURE(not_numbers) },
	{ N_("Records left out"), "records_dropped", ALWAYS, FIGURE(dropped) },
	{ N_("Records rejected"), "records_rejected", ALWAYS, FIGURE(rejected) },
};

static uint64_t figure(const struct quality_figures *f, const struct line *line)
{
	uint64_t v;

	memcpy(&v, (const char *)f + line->offset, sizeof v);
	return v;
}

/* Is it told to people? Not of rules that are off, and of losses only where there are any. */
static bool is_shown(
	const struct quality_rules *r, const struct quality_figures *f, const struct line *line)
{
	if (line->rule != ALWAYS)
		return r->enabled[line->rule];
	return line->offset <= FIGURE(output) || figure(f, line) > 0;
}

/* Records with NULLs, records with strings, and values out of range, per hundred records. */
static double improvement_rate(const struct quality_figures *f)
{
	if (!f->input)
		return 0;
	return (double)(f->nulls + f->strings + f->found[RULE_RANGES]) / (double)f->input * 100;
}

static void put_lines(struct str *s, const struct quality_rules *r,
	const struct quality_figures *f, bool markdown)
{
	const char *before = markdown ? "| " : "  ", *between = markdown ? " | " : ": ";
	const char *behind = markdown ? " |\n" : "\n";

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		if (!is_shown(r, f, &lines[i]))
			continue;
		str_addf(s, "%s%s%s", before, tr(lines[i].label), between);
		str_add_grouped(s, figure(f, &lines[i]));
		str_addz(s, behind);
	}
	str_addf(s, "%s%s%s%.1f%%%s", before, tr(rate_label), between, improvement_rate(f), behind);
}

static void put_json(struct str *s, const struct quality_figures *f)
{
	str_addc(s, '{');
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		str_addf(s, "\"%s\":%llu,", lines[i].member,
			(unsigned long long)figure(f, &lines[i]));
	str_addf(s, "\"null_or_string_records\":%llu,\"improvement_rate\":%.1f}\n",
		(unsigned long long)f->nulls_or_strings, improvement_rate(f));
}

void quality_report(struct str *s, const struct quality_rules *rules,
	const struct quality_figures *figures, enum quality_format format)
{
	if (format == QUALITY_TEXT)
		str_addf(s, "%s:\n", tr(title));
	if (format == QUALITY_MARKDOWN)
		str_addf(s, "# %s\n\n| %s | %s |\n|---|---:|\n", tr(title), tr(figure_heading),
			tr(count_heading));
	if (format == QUALITY_JSON)
		put_json(s, figures);
	else
		put_lines(s, rules, figures, format == QUALITY_MARKDOWN);
}
