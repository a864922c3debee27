/* html.h - texts of others in HTML. */
#pragma once

#include "core/str.h"

/*
 * Appends `text` so that it stays text, in an element as in a quoted attribute: what is markup as
 * references, and what acts on a reader or hides, control and format characters and bytes that are
 * not UTF-8, as \n, \t or \xHH, as msg_quote() shows them.
 */
void html_add(struct str *out, struct sl text);
