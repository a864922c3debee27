// The rows of a Parquet file as NDJSON, by DuckDB: parquet_duckdb.mjs FOLDER FILE. FOLDER is where npm
// put @duckdb/node-api.
import { createRequire } from 'node:module';

const [folder, file] = process.argv.slice(2);
const { DuckDBInstance } = createRequire(`${folder}/`)('@duckdb/node-api');
const connection = await (await DuckDBInstance.create(':memory:')).connect();
const quoted = `'${file.replaceAll("'", "''")}'`;
const reader = await connection.runAndReadAll(`SELECT to_json("this row") FROM read_parquet(${quoted}) AS "this row"`);

for (const [row] of reader.getRows()) {
	console.log(row);
}
