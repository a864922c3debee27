/*
 * sort.h - stable sorting of more than fits into memory: sorted runs in a scratch file, merged.
 */
#pragma once

#include "core/base.h"

struct sorter;

/*
 * `memory` bounds what is held (the merge needs as much again at most); `cmp` orders keys. Scratch
 * space is in $TMPDIR; running out of it ends the program (74).
 */
struct sorter *sorter_new(size_t memory, int (*cmp)(struct sl a, struct sl b)) NODISCARD;

/* Adds an item; key and payload are copied. */
void sorter_add(struct sorter *s, struct sl key, struct sl payload);

/* After the last sorter_add(): sorter_next() hands out the items in order; equal keys stay in the
 * order they were added. Slices live until the next call. False at the end; the sorter is then
 * empty and takes new items. */
bool sorter_next(struct sorter *s, struct sl *key, struct sl *payload) NODISCARD;

void sorter_free(struct sorter *s);
