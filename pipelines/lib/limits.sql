-- limits.sql: what a role or a database limits does not apply to a transaction of ours, which waits ten
-- seconds for a lock. Whose functions and operators the search path has is not known yet.
SELECT pg_catalog.set_config('statement_timeout', '0', true), pg_catalog.set_config('lock_timeout', '10s', true)
\g /dev/null
SELECT pg_catalog.set_config(name, '0', true) FROM pg_catalog.pg_settings
WHERE name OPERATOR(pg_catalog.=) 'transaction_timeout'
\g /dev/null
