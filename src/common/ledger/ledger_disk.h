/*
 * ledger_disk.h - the file systems that a target fills: of its wide tables, where their tablespaces
 * are, of temporary files and of the WAL. Only those of a server on this machine can be seen.
 */
#pragma once

#include "pg/conn.h"

struct ledger_disk {
	char what[160]; /* `tablespace "x"` or `the WAL`, the first there that was met */
	bool tables;	/* wide tables are there, or come there */
	bool wal;
	double bytes_free, bytes;
	unsigned long device;
};

#define LEDGER_DISKS_MAX 16

/*
 * Of wide tables in this schema whose names begin so; each file system once. How many there are; 0
 * as well when the server is elsewhere, or its folders cannot be seen.
 */
size_t ledger_disks(struct pg *target, const char *schema, const char *prefix,
	struct ledger_disk disks[LEDGER_DISKS_MAX]);
