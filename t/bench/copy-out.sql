COPY (
	SELECT created_time, data_channel_id, CASE value_format
		WHEN 'Decimal' THEN double_v::text WHEN 'Integer' THEN long_v::text
		WHEN 'String' THEN str_v WHEN 'Boolean' THEN bool_v::text END
	FROM tenant.tbl_data_timeseries ORDER BY created_time
) TO STDOUT (FORMAT csv)
