#include "ledger/ledger_disk.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

/* $1 schema, $2 prefix: (what, path, tables, wal). No location: in the data directory. */
static const char places[] =
	"WITH base AS (SELECT current_setting('data_directory') AS path, coalesce((SELECT oid"
	"  FROM pg_tablespace WHERE spcname = current_setting('default_tablespace')),"
	"  dattablespace) AS here, dattablespace FROM pg_database"
	"  WHERE datname = current_database() AND inet_server_addr() IS NULL),"
	" used AS (SELECT here AS oid, true AS tables FROM base UNION"
	"  SELECT coalesce(nullif(i.reltablespace, 0), dattablespace), true FROM base, pg_class c"
	"  JOIN pg_namespace n ON n.oid = c.relnamespace"
	"  JOIN LATERAL (SELECT c.reltablespace UNION SELECT x.reltablespace FROM pg_index"
	"   JOIN pg_class x ON x.oid = indexrelid WHERE indrelid = c.oid) i ON true"
	"  WHERE n.nspname = $1 AND starts_with(c.relname, $2) AND c.relkind = 'r'"
	"  UNION SELECT t.oid, false FROM pg_tablespace t WHERE t.spcname = ANY"
	"   (SELECT trim(BOTH ' \"' FROM s) FROM"
	"    unnest(string_to_array(current_setting('temp_tablespaces'), ',')) AS s))"
	"SELECT format('tablespace %I', spcname),"
	" coalesce(nullif(pg_tablespace_location(oid), ''), path), tables, false"
	" FROM used JOIN pg_tablespace USING (oid), base UNION ALL"
	" SELECT 'the WAL', path || '/pg_wal', false, true FROM base ORDER BY 3 DESC, 1";

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
	AUTO_RESULT *r = pg_try_query(target, places, 2, (const char *[]){ schema, prefix });
	size_t n = 0;

	for (size_t row = 0; r && row < pg_rows(r); row++)
		take(disks, &n, r, row);
	return n;
}
