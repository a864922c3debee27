/* uri.h - percent-encoding and query strings (RFC 3986), as AWS reads them. */
#ifndef SANDBOX_URI_H
#define SANDBOX_URI_H

#include "exchange.h"

/*
 * Appends `s` with all but A-Z a-z 0-9 - . _ ~ as %XX in upper case; `keep_slash` leaves / alone.
 */
void uri_encode(struct str *dst, struct sl s, bool keep_slash);

/* Undoes %XX (a malformed one stays as it is) and, with `plus`, takes + for a blank. */
struct sl uri_decode(struct arena *mem, struct sl s, bool plus);

/* Splits `a=1&b=2` and decodes names and values; a name without = has the value "". */
void uri_parse_query(struct arena *mem, struct sl query, struct fields *out);

/* Next piece of `*rest` up to `sep`, which it steps over; false when nothing is left. */
bool uri_next(struct sl *rest, char sep, struct sl *piece);

#endif
