/* verify_internal.h - what the files of verify share; nobody else includes it. */
#pragma once

#include "compare/verify.h"

/* What this pass of a watch is to look at, before the ranges are read and of those that were. */
void verify_watch_choose(const struct verify_watch *w, struct ledger_ranges_opts *what);
void verify_watch_thin(struct verify_watch *w, struct verify *v);

/* This doubt could not be settled: not to be tried again in this watch. */
void verify_watch_tried(struct verify_watch *w, uint64_t doubt);
bool verify_watch_was_tried(const struct verify_watch *w, uint64_t doubt);
