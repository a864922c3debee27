/*
 * parts.h - several texts as one, which can be compared and taken apart again: a key of several
 * columns. Each is kept with its length and with the way it is ordered; bytes are of this machine.
 */
#ifndef FERRY_PARTS_H
#define FERRY_PARTS_H

#include "core/str.h"

/* Appends a part, below 4 GiB. `by_number`: it is ordered by its value as a number. */
void parts_add(struct str *s, bool by_number, struct sl text);

/* The first part, which lies within *packed; that is advanced, and must not be empty. */
struct sl parts_next(struct sl *packed);

/* < 0, 0, > 0: part by part, each as that of `a` says. A pivot_order. */
int parts_order(struct sl a, struct sl b);

#endif
