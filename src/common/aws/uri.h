/*
 * uri.h - percent-encoding (RFC 3986) and query strings, as AWS wants them.
 */
#pragma once

#include "core/str.h"

/* Appends `s` with every byte but A-Z a-z 0-9 - . _ ~ as %XX; `keep_slash` leaves "/" bare, as in
 * the key of an S3 object. */
void uri_encode(struct str *dst, struct sl s, bool keep_slash);

/* Appends `s` decoded; a % without two hex digits stays; `plus` turns + into a blank. */
void uri_decode(struct str *dst, struct sl s, bool plus);

/* Appends `name=value`, encoded, with "&" before it when dst is not empty. */
void uri_query(struct str *dst, struct sl name, struct sl value);
