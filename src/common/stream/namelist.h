/* namelist.h - lists of names in a file, as people keep them. */
#ifndef FERRY_NAMELIST_H
#define FERRY_NAMELIST_H

#include "core/hash.h"

/*
 * Adds the names of the file to `names`: one a line, blanks at the end dropped, empty lines
 * skipped; or NDJSON, then the text of the member data_channel_id of each object (as
 * pg-narrow-schema writes it), or of `channel`; or a DataChannelList package of ISO 19848, then the
 * local ids of its channels. A name that repeats counts once; a byte order mark is dropped. Dies
 * with 66 (cannot open) or 65, naming the line.
 */
void namelist_read(const char *path, struct names *names);

#endif
