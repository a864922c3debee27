/*
 * fs_wait.h - the control plane answers before it has done anything: wait until it has.
 */
#pragma once

#include "fs/featurestore.h"
#include "fs/fs_group.h"

/*
 * Describes the group again and again, from every 0.2 s to every 5 s, until it is Created, its last
 * update is Successful, or it is gone. What the service reports as failed ends the program (69)
 * with its reason; so does `timeout_us` (75).
 */
enum fs_state { FS_CREATED, FS_UPDATED, FS_DELETED };
void fs_wait(struct aws *a, struct sl group, enum fs_state wanted, int64_t timeout_us);

/* Describes it, or ends the program with one line that says what is missing. `g` is zeroed. */
void fs_need_group(struct aws *a, const char *name, struct fs_group *g);
