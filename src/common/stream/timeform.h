/*
 * timeform.h - dates and times that are not written as ISO 8601 says, read by a format of
 * strptime(3) such as `%d.%m.%Y %H:%M`, and written as it says.
 *
 * A format may end with %f, the decimals of a second, and with %z, the zone: Z, +09:00, +0900 or
 * +09.
 */
#pragma once

#include "core/base.h"

#define TIMEFORM_MAX 96

/* NULL when it is a format that tells one day, or one second of it; else what is wrong with it. */
const char *timeform_fault(const char *format) NODISCARD;

/*
 * The value as `2024-12-31`, or `2024-12-31 12:00:00.5+09:00` where the format tells hours (the
 * zone as it is written): its length, `text` having TIMEFORM_MAX bytes. 0 when it is not as the
 * format says, from end to end (names in any case, numbers with or without leading zeros), or no
 * day or time that there is. A year has four digits, unless the format has %y: 69 to 99 are of the
 * last century.
 */
size_t timeform_read(const char *format, struct sl value, char *text);
