-- PostgreSQL's own pivot of one ship, for comparison: tablefunc's crosstab() over the ordered rows
-- into a table like the one ferry fills. :part is `create` or `fill`.

\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET work_mem = '256MB';

CREATE EXTENSION IF NOT EXISTS tablefunc;

SELECT string_agg(quote_ident(data_channel_id) || ' text', ', ' ORDER BY data_channel_id) AS columns
FROM (SELECT DISTINCT data_channel_id FROM tenant.tbl_data_timeseries) AS channel \gset

\if :create
DROP TABLE IF EXISTS crosstab_wide;
CREATE TABLE crosstab_wide (created_time timestamp PRIMARY KEY, :columns);
CHECKPOINT;
\else
INSERT INTO crosstab_wide
SELECT * FROM crosstab(
	$$ SELECT created_time, data_channel_id, CASE value_format
			WHEN 'Decimal' THEN double_v::text WHEN 'Integer' THEN long_v::text
			WHEN 'String' THEN str_v WHEN 'Boolean' THEN bool_v::text END
		FROM tenant.tbl_data_timeseries ORDER BY created_time $$,
	$$ SELECT DISTINCT data_channel_id FROM tenant.tbl_data_timeseries ORDER BY 1 $$
) AS wide (created_time timestamp, :columns);
\endif
