/* quality_impl.h - inside of quality.h, for quality.c and quality_rules.c only. */
#pragma once

#include "core/decimal.h"
#include "stream/pattern.h"
#include "stream/quality.h"

/* What one rule wants of one field. */
struct quality_check {
	enum quality_rule rule;
	enum quality_action action;
	struct sl field;
	enum cast cast;       /* RULE_TYPES */
	struct names allowed; /* RULE_ALLOWED; RULE_TIMES: formats */
	struct pattern *pattern; /* RULE_PATTERNS */
	struct sl min, max;   /* RULE_RANGES: as written in the file, .p NULL: none */
	struct decimal min_value, max_value;
	bool of_times; /* bounds are instants: */
	int64_t min_time, max_time;
};
