// DuckDB's way from a narrow CSV to a wide one: pivot_duckdb.mjs FOLDER IN OUT. FOLDER is where npm
// put @duckdb/node-api. Two threads; values stay text.
import { createRequire } from 'node:module';

const [folder, input, output] = process.argv.slice(2);
const { DuckDBInstance } = createRequire(`${folder}/`)('@duckdb/node-api');
const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
const connection = await instance.connect();
const text = (s) => `'${s.replaceAll("'", "''")}'`;

if (input === undefined) {
	const reader = await connection.runAndReadAll('SELECT version()');
	console.log(reader.getRows()[0][0]);
} else {
	await connection.run('SET pivot_limit = 1000000');
	await connection.run(`COPY (
		PIVOT read_csv(${text(input)}, header = true, all_varchar = true)
		ON data_channel_id USING first(value) GROUP BY created_time ORDER BY created_time
	) TO ${text(output)} (FORMAT csv, HEADER)`);
}
