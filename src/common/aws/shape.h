/*
 * shape.h - is the body of a good answer one to the operation that was asked for? A 200 may come
 * from anybody on the way: a portal's page, a proxy's "ok", the answer to another request.
 */
#pragma once

#include "core/base.h"

/*
 * NULL: it is; else why it is not, static text. Each operation that is called has its line in the
 * table of shape.c: one without is a bug. What the members hold is for the caller to look at.
 */
const char *shape_misfit(const char *operation, struct sl body);
