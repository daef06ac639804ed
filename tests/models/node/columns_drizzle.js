// The one row of public.every_types, read by Drizzle and written back. Prints how many columns it read.
const { drizzle } = require("drizzle-orm/node-postgres");
const { Pool } = require("pg");
const { everyTypes } = require("./built/drizzle.js");

const run = async () => {
  const pool = new Pool({ connectionString: process.env.DATABASE_URL });
  const db = drizzle(pool);
  const [row] = await db.select().from(everyTypes);
  const { id, number, counted, doubled, ...rest } = row;
  await db.insert(everyTypes).values(rest);
  await pool.end();
  console.log(JSON.stringify({ columns: Object.keys(row).length, int8: typeof row.c_int8, bytea: Buffer.isBuffer(row.c_bytea) }));
};
run().catch((error) => { console.error(error); process.exit(1); });
