-- doctor-backup.sql: can the server be brought back to a time? For doctor-source.sql and
-- doctor-target.sql.
SELECT 'archive', CASE WHEN current_setting('archive_mode') = 'off' THEN 'WARN'
		WHEN failed THEN 'FAIL' ELSE 'OK' END,
	CASE WHEN failed THEN last_failed_wal ELSE current_setting('archive_mode') END, '', CASE
		WHEN current_setting('archive_mode') = 'off' THEN
		'ALTER SYSTEM SET archive_mode = ''on''; ALTER SYSTEM SET archive_command = '
		'''test ! -f /ARCHIVE/%f && cp %p /ARCHIVE/%f'';' ELSE '' END
FROM (SELECT coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false)
	AS failed, last_failed_wal FROM pg_stat_archiver) AS a;
