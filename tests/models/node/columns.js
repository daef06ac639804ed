// The one row of public.every_types, read and written back by node-postgres: each value is of the type that typescript.ts declares,
// and the row that the values make is the same. Prints what is not, as JSON.
const { readFileSync } = require("node:fs");
const { Client } = require("pg");

const text = readFileSync("typescript.ts", "utf8");
const fields = (name) => {
  const body = text.split(`export interface ${name} {\n`)[1].split("\n}\n")[0];
  const lines = body.split("\n").filter((line) => /^ {2}("|[^\s/*])/.test(line));
  return new Map(lines.map((line) => {
    const found = /^ {2}("(?:[^"\\]|\\.)*"|[^\s?:]+)(\??): (.*);$/.exec(line);
    return [found[1].startsWith('"') ? JSON.parse(found[1]) : found[1], found[3]];
  }));
};
const parts = (type) => type.match(/(?:\([^)]*\)|"(?:[^"\\]|\\.)*"|[^|"(])+/g).map((part) => part.trim());
const CHECKS = {
  string: (v) => typeof v === "string",
  number: (v) => typeof v === "number",
  bigint: (v) => typeof v === "bigint",
  boolean: (v) => typeof v === "boolean",
  null: (v) => v === null,
  Buffer: (v) => Buffer.isBuffer(v),
  Uint8Array: (v) => v instanceof Uint8Array,
  Date: (v) => v instanceof Date,
  Json: () => true,
  JsonObject: (v) => v !== null && typeof v === "object" && !Array.isArray(v),
  Interval: (v) => typeof v?.toPostgres === "function",
  Point: (v) => typeof v?.x === "number" && typeof v?.y === "number",
  Circle: (v) => typeof v?.radius === "number",
};
const is = (type, value) => {
  if (type.startsWith("(") && type.endsWith(")")) return is(type.slice(1, -1), value);
  const all = parts(type);
  if (all.length > 1) return all.some((one) => is(one, value));
  if (type.endsWith("[]")) return Array.isArray(value) && value.every((one) => is(type.slice(0, -2), one));
  return type.startsWith('"') ? JSON.parse(type) === value : CHECKS[type](value);
};
const wrongs = (types, row) => [...types].filter(([name, type]) => !is(type, row[name])).map(([name, type]) => `${name}: ${type}`);

const run = async () => {
  const client = new Client(process.env.DATABASE_URL);
  await client.connect();
  const { rows: [row] } = await client.query("select * from public.every_types");
  const taken = fields("NewEveryType");
  const point = ({ x, y }) => `(${x},${y})`;
  const again = Object.fromEntries([...taken.keys()].map((name) => [name, row[name]]));
  Object.assign(again, {
    c_point: point(row.c_point), a_point: row.a_point.map(point), c_circle: `<${point(row.c_circle)},${row.c_circle.radius}>`,
  });
  const names = [...taken.keys()].filter((name) => !["number", "counted"].includes(name));
  const columns = names.map((name) => client.escapeIdentifier(name)).join(", ");
  await client.query(
    `insert into public.every_types (${columns}) values (${names.map((_, place) => `$${place + 1}`).join(", ")})`,
    names.map((name) => again[name]),
  );
  await client.end();
  console.log(JSON.stringify({ read: wrongs(fields("EveryType"), row), written: wrongs(taken, again), unknown: Object.keys(row).length - fields("EveryType").size }));
};
run().catch((error) => { console.error(error); process.exit(1); });
