/*
 * quality.h - rules that records are cleaned by: what a rules file may say, and one record cleaned.
 *
 * Rules work in this order, whatever their order in the file: remove_null_values,
 * normalize_strings, convert_times, check_types, allowed_values, patterns, validate_ranges,
 * required_fields; deduplicate is the caller's (dedup.h), which knows the records before.
 */
#pragma once

#include "core/hash.h"
#include "core/unicode.h"
#include "stream/cast.h"

enum quality_rule {
	RULE_NULLS,
	RULE_STRINGS,
	RULE_TIMES,
	RULE_TYPES,
	RULE_ALLOWED,
	RULE_PATTERNS,
	RULE_RANGES,
	RULE_REQUIRED,
	RULE_DUPLICATES,
	N_QUALITY_RULES
};

/* What is done about a value that breaks a rule. */
enum quality_action {
	ACTION_CLAMP,  /* the nearest bound instead; ranges only */
	ACTION_NULL,   /* the value is removed */
	ACTION_REJECT, /* the record is a bad one */
	ACTION_DROP,   /* the record is left out */
	ACTION_COUNT,  /* nothing */
};

enum quality_keep { KEEP_FIRST, KEEP_NEWEST, KEEP_LAST };
enum quality_keyless { KEYLESS_RECORD, KEYLESS_KEEP, KEYLESS_REJECT };

/* Which fields a rule is for: those of `only`, or all when it is empty; but never `except`. */
struct quality_fields {
	struct names only, except;
};

struct quality_check; /* of one field, see quality_rules.c */

/* A rules file as it was read. */
struct quality_rules {
	bool enabled[N_QUALITY_RULES], given[N_QUALITY_RULES];
	struct names named[N_QUALITY_RULES]; /* fields that the file names in the rule */
	struct quality_fields nulls, strings;
	struct names untouched;        /* by those two, unless they name them */
	struct names null_words;       /* in lower case */
	uint64_t null_lengths;	       /* bit n: one has n bytes, or it is the last bit, more */
	size_t null_longest;
	bool null_trim, null_explicit; /* look behind blanks; write null, not nothing */
	bool trim;
	enum unicode_form form;
	struct names lower, upper;
	struct quality_check *checks; /* types, values, patterns, ranges, required fields */
	size_t n_checks, checks_cap;
	struct names key;
	bool key_given; /* else it is a guess */
	const char *event_time;
	enum quality_keep keep;
	enum quality_keyless keyless;
	struct arena arena;
};

/*
 * Reads a rules file (NULL: none, no rule is enabled); dies with 66 when it cannot be opened, with
 * 78 naming what is wrong in it. A rule or setting that nobody knows is wrong, too: mistyped, it
 * would do nothing without a word.
 */
void quality_rules_read(struct quality_rules *rules, const char *path);
bool quality_rule_parse(struct sl name, enum quality_rule *rule) NODISCARD;

/* May the caller enable it? A rule that says what is right for each field must be in the file. */
bool quality_rule_can_enable(const struct quality_rules *rules, enum quality_rule rule);

/* Does an enabled rule name a field that is none of these? Then which one, and which rule. */
bool quality_rules_lack(const struct quality_rules *rules, const struct names *cols,
	enum quality_rule *rule, struct sl *name) NODISCARD;
const char *quality_rule_name(enum quality_rule rule);
extern const char *const quality_rules_example; /* a rules file to begin with */
void quality_rules_free(struct quality_rules *rules);

struct quality_figures {
	uint64_t input, output;          /* records; the caller's */
	uint64_t nulls;                  /* records with values removed by remove_null_values */
	uint64_t strings;                /* records with texts changed by normalize_strings */
	uint64_t nulls_or_strings;       /* records changed by either */
	uint64_t found[N_QUALITY_RULES]; /* values that broke a rule, of RULE_TIMES and later */
	uint64_t no_times;               /* values under a range of times that are none */
	uint64_t not_numbers;            /* values under a range of numbers that are none */
	uint64_t no_times_kept;          /* of the times, those that would have been clamped */
	uint64_t dropped;                /* records left out by ACTION_DROP */
	uint64_t duplicates;             /* the caller's */
	uint64_t rejected;               /* likewise */
};

struct quality; /* the rules, applied to the columns of a stream */

struct quality *quality_new(const struct quality_rules *rules) NODISCARD;

/* The columns are known, or more have come; call again whenever rd_cols() has grown. */
void quality_columns(struct quality *q, const struct names *cols);

enum quality_result { QUALITY_KEEP, QUALITY_DROP, QUALITY_REJECT };

struct quality_fault {
	size_t at; /* field; NAMES_NONE: no record has it */
	struct sl field;
	const char *why;
};

/*
 * Cleans n fields in place; new texts live until the next call. QUALITY_REJECT says why in *fault.
 */
enum quality_result quality_clean(
	struct quality *q, struct field *f, size_t n, struct quality_fault *fault);

struct quality_figures *quality_figures(struct quality *q);
void quality_free(struct quality *q);

/* ---- the figures, for people and for programs ------------------------------------------------ */

enum quality_format { QUALITY_TEXT, QUALITY_JSON, QUALITY_MARKDOWN };
#define QUALITY_FORMATS "text|json|markdown"

/* Appends the report: text and Markdown have the rules that are enabled, JSON has all. */
void quality_report(struct str *s, const struct quality_rules *rules,
	const struct quality_figures *figures, enum quality_format format);
