// tasks_duckdb.mjs FOLDER SQL: DuckDB on the command line, where only npm has it. FOLDER is where
// that put @duckdb/node-api. Two threads.
import { createRequire } from 'node:module';

const [folder, sql] = process.argv.slice(2);
const { DuckDBInstance } = createRequire(`${folder}/`)('@duckdb/node-api');
const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
const connection = await instance.connect();

await connection.run(sql);
