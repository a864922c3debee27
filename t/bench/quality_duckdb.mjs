// The rules of t/quality/rules.json in DuckDB's SQL: quality_duckdb.mjs FOLDER IN OUT. FOLDER is
// where npm put @duckdb/node-api. Two threads; values are texts, so that numbers stay as they are.
// Prints records with NULLs, with texts changed, and values out of range.
import { createRequire } from 'node:module';

const [folder, input, output] = process.argv.slice(2);
const { DuckDBInstance } = createRequire(`${folder}/`)('@duckdb/node-api');
const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
const connection = await instance.connect();
const text = (s) => `'${s.replaceAll("'", "''")}'`;
const fields = ['customer_id', 'name', 'age', 'balance', 'status', 'city', 'category', 'event_time',
	'note'];
const lower = ['status', 'category'];
const ranges = { age: [0, 120], balance: [0, 1000000] };
const blanks = "' \t\n\u0085\u00a0\u2003\u3000'";

// Each step's column has the field's name and the step's letter: raw, kept, tidied, bounded.
const steps = {
	k: (f) => `CASE WHEN trim(${f}, ${blanks}) != '' AND lower(${f}) != 'null' THEN ${f} END`,
	t: (f) => f === 'event_time' ? `k_${f}` : lower.includes(f)
		? `lower(trim(k_${f}, ${blanks}))` : `trim(k_${f}, ${blanks})`,
	b: (f) => f in ranges ? `CASE WHEN try_cast(t_${f} AS DOUBLE) < ${ranges[f][0]}
		THEN '${ranges[f][0]}' WHEN try_cast(t_${f} AS DOUBLE) > ${ranges[f][1]}
		AND NOT isnan(try_cast(t_${f} AS DOUBLE))
		THEN '${ranges[f][1]}' ELSE t_${f} END` : `t_${f}`,
};
const step = (s) => fields.map((f) => `${steps[s](f)} AS ${s}_${f}`).join(', ');
const found = (f) => `(t_${f} IS DISTINCT FROM b_${f})::int`;

await connection.run(`CREATE TABLE tidied AS
	WITH raw AS (FROM read_json(${text(input)}, format = 'newline_delimited',
			columns = {${fields.map((f) => `${f}: 'VARCHAR'`).join(', ')}})),
		kept AS (SELECT *, ${step('k')} FROM raw),
		tidy AS (SELECT *, ${step('t')} FROM kept),
		bounded AS (SELECT *, ${step('b')} FROM tidy)
	SELECT ${fields.map((f) => `b_${f} AS ${f}`).join(', ')},
		${fields.map((f) => `(${f} IS NOT NULL AND k_${f} IS NULL)`).join(' OR ')} AS nulls,
		${fields.map((f) => `k_${f} IS DISTINCT FROM t_${f}`).join(' OR ')} AS strings,
		${Object.keys(ranges).map(found).join(' + ')} AS ranges
	FROM bounded`);
await connection.run(`COPY (
	SELECT ${fields.join(', ')} FROM tidied WHERE rowid IN (
		SELECT min(rowid) FROM tidied GROUP BY coalesce(customer_id,
			(${fields.join(', ')})::varchar))
) TO ${text(output)} (FORMAT json)`);
const figures = await connection.runAndReadAll(`SELECT count(*) FILTER (nulls),
	count(*) FILTER (strings), sum(ranges) FROM tidied`);
console.log(figures.getRows()[0].join(' '));
