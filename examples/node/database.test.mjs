// node --test: each test has a database without the rows of the others. In Jest and Vitest, beforeEach and afterEach are the same.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { afterEach, beforeEach, test } from "node:test";
import { takeDatabase } from "./database.mjs";

const { Client } = createRequire(import.meta.url)("pg");
let database, client;

beforeEach(async () => {
  database = await takeDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
});

afterEach(async () => {
  await client.end();
  database.give();
});

for (const name of ["first", "second"]) {
  test(`the ${name} test finds no user but its own`, async () => {
    await client.query("insert into users (username) values ('alice')");
    const { rows } = await client.query("select username from users");
    assert.deepEqual(rows, [{ username: "alice" }]);
  });
}
