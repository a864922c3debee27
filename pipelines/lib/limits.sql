-- limits.sql: what a role or a database limits does not apply to a transaction of ours, which waits ten
-- seconds for a lock.
SELECT pg_catalog.set_config(name, CASE name WHEN 'lock_timeout' THEN '10s' ELSE '0' END, true)
FROM pg_catalog.pg_settings WHERE name IN ('lock_timeout', 'statement_timeout', 'transaction_timeout')
\g /dev/null
