// DuckDB's way with other formats: formats_duckdb.mjs FOLDER KIND IN OUT. FOLDER is where npm put
// @duckdb/node-api. Two threads; values stay text, sums exact.
import { createRequire } from 'node:module';

const [folder, kind, input, output] = process.argv.slice(2);
const { DuckDBInstance } = createRequire(`${folder}/`)('@duckdb/node-api');
const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
const connection = await instance.connect();
const text = (s) => `'${s.replaceAll("'", "''")}'`;
const option = { semicolons: ", delim = ';'", zstd: ", compression = 'zstd'" }[kind] ?? '';
const all = `FROM read_csv(${text(input)}, header = true, all_varchar = true${option})`;

await connection.run(`COPY (${kind === 'sums' ? `SELECT data_channel_id,
	sum(value::DECIMAL(18, 1)) AS value ${all} GROUP BY ALL ORDER BY ALL` : all})
	TO ${text(output)} (FORMAT csv, HEADER)`);
