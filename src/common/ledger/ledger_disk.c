#include "ledger/ledger_disk.h"

#include "ledger/ledger_disk.sql.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

static void take(struct ledger_disk *disks, size_t *n, const struct pg_result *r, size_t row)
{
	struct statvfs fs;
	struct stat st;
	size_t i = 0;

	if (stat(pg_valuez(r, row, 1), &st) != 0 || statvfs(pg_valuez(r, row, 1), &fs) != 0 ||
		fs.f_blocks == 0)
		return;
	while (i < *n && disks[i].device != st.st_dev)
		i++;
	if (i == LEDGER_DISKS_MAX)
		return;
	if (i == *n) {
		disks[(*n)++] = (struct ledger_disk){ .device = st.st_dev,
			.bytes_free = (double)fs.f_bavail * (double)fs.f_frsize,
			.bytes = (double)fs.f_blocks * (double)fs.f_frsize };
		(void)snprintf(disks[i].what, sizeof disks[i].what, "%s", pg_valuez(r, row, 0));
	}
	disks[i].tables |= pg_true(r, row, 2);
	disks[i].wal |= pg_true(r, row, 3);
}

size_t ledger_disks(struct pg *target, const char *schema, const char *prefix,
	struct ledger_disk disks[LEDGER_DISKS_MAX])
{
	AUTO_RESULT *r = pg_try_query(target, places_sql, 2, (const char *[]){ schema, prefix });
	size_t n = 0;

	for (size_t row = 0; r && row < pg_rows(r); row++)
		take(disks, &n, r, row);
	return n;
}
