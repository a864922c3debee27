/* quality_report.h - the figures of quality.h, for people and for programs. */
#pragma once

#include "core/str.h"
#include "stream/quality.h"

enum quality_format { QUALITY_TEXT, QUALITY_JSON, QUALITY_MARKDOWN };
#define QUALITY_FORMATS "text|json|markdown"

/* Appends the report: text and Markdown have the rules that are enabled, JSON has all. */
void quality_report(struct str *s, const struct quality_rules *rules,
	const struct quality_figures *figures, enum quality_format format);
