/*
 * colname.h - columns of a wide stream for names that are taken: a channel may be called as the
 * columns of ship or time are, or as that of the seals. Its column gets an "@" before its name, and
 * so does every name that is one of those but for the "@" before it, so that all can be told apart.
 */
#pragma once

#include "core/base.h"

/* Needs `name` an "@", where the stream has the columns `lead`? */
bool colname_is_taken(struct sl name, const struct sl *lead, size_t n_lead);

/* What the column stands for: its name, or that without the "@". A part of `column`. */
struct sl colname_of(struct sl column, const struct sl *lead, size_t n_lead);
