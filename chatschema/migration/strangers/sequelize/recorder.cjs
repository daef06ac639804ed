// Runs migrations of sequelize-cli, one for each line on stdin, and answers with the SQL that they send to a scratch database.
// Whatever a migration requires, it can connect to that database only.
"use strict";

const { AsyncLocalStorage } = require("node:async_hooks");
const programs = require("node:child_process");
const fs = require("node:fs");
const { createRequire, syncBuiltinESMExports } = require("node:module");
const net = require("node:net");
const path = require("node:path");
const readline = require("node:readline");
const { pathToFileURL } = require("node:url");
const threads = require("node:worker_threads");

const [folder, answers] = [process.argv[2], Number(process.argv[3])];
// The project's own modules, those that its migrations get.
const own = createRequire(path.join(folder, "migrations.js"));
// What is running: the outermost call of the query interface, or a connection that is being prepared.
const calls = new AsyncLocalStorage();
let target, sequelize, queryInterface, recorded;

function answer(value) {
  fs.writeSync(answers, JSON.stringify(value) + "\n");
}

function load() {
  const missing = ["sequelize", "pg"].filter((name) => {
    try {
      return !own.resolve(name);
    } catch {
      return true;
    }
  });
  if (missing.length) return { missing };
  guard(own("pg"));
  return { version: own("sequelize/package.json").version };
}

// Refuses every other place, and records what a client of the project's own driver is asked to do.
function guard(pg) {
  const connectSocket = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function connect(...given) {
    const first = Array.isArray(given[0]) ? given[0][0] : given[0];
    const isPort = typeof first === "number" || /^\d+$/.test(first);
    const options = typeof first === "object" ? first : isPort ? { port: first, host: given[1] } : { path: first };
    const place = options.path ?? `${typeof options.host === "string" ? options.host : "localhost"}:${options.port}`;
    if (place !== target.socket) throw new Error(`it connects to ${place}, and only the scratch database may be reached`);
    return connectSocket.apply(this, given);
  };
  // What these start has connections of its own.
  function refuse() {
    throw new Error("it starts another program or thread, and only the scratch database may be reached");
  }
  for (const name of ["spawn", "exec", "execFile", "fork", "spawnSync", "execSync", "execFileSync"]) programs[name] = refuse;
  programs.ChildProcess.prototype.spawn = refuse;
  threads.Worker = refuse;
  syncBuiltinESMExports();
  const connectClient = pg.Client.prototype.connect;
  pg.Client.prototype.connect = function connect(...given) {
    if (this.database !== target.database) {
      throw new Error(`it connects to database ${this.database}, and only the scratch database may be reached`);
    }
    return connectClient.apply(this, given);
  };
  const query = pg.Client.prototype.query;
  const { prepareValue } = createRequire(own.resolve("pg"))("./utils");
  pg.Client.prototype.query = function recordingQuery(...given) {
    const call = calls.getStore();
    if (call === "connection" || !recorded) return query.apply(this, given);
    const text = typeof given[0] === "string" ? given[0] : (given[0].text ?? "");
    const values = Array.isArray(given[1]) ? given[1] : (given[0].values ?? []);
    const entry = { sql: filled(text, values.map(prepareValue)), call: call ?? null, client: this, isDone: false };
    const ended = (error, result) => Object.assign(entry, { isDone: true, error: error?.message ?? null, tag: result?.command });
    recorded.push(entry);
    const last = given.length - 1;
    if (typeof given[last] === "function") {
      const done = given[last];
      given[last] = (error, result) => {
        ended(error, result);
        done(error, result);
      };
      return query.apply(this, given);
    }
    const result = query.apply(this, given);
    if (result?.then) result.then((found) => ended(null, found), ended);
    else entry.isDone = true;
    return result;
  };
}

// The text with its parameters as literals, which PostgreSQL reads as it reads parameters without a type.
function filled(text, values) {
  if (!values.length) return text;
  const part = /E'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|\$(\d+)/gi;
  return text.replace(part, (found, _, number) => (number ? literal(values[number - 1]) : found));
}

function literal(value) {
  if (value === null || value === undefined) return "null";
  if (Buffer.isBuffer(value)) return `'\\x${value.toString("hex")}'`;
  return `'${String(value).replaceAll("'", "''")}'`;
}

async function connect({ database, host, port, user, password, ssl }) {
  if (sequelize) await sequelize.close();
  target = { database, socket: host.startsWith("/") ? `${host}/.s.PGSQL.${port}` : `${host}:${port}` };
  const { Sequelize } = own("sequelize");
  const dialectOptions = ssl ? { ssl } : {};
  sequelize = new Sequelize(database, user, password, { dialect: "postgres", host, port, logging: false, dialectOptions });
  const manager = sequelize.connectionManager;
  for (const name of ["connect", "_refreshDynamicOIDs"]) {
    const prepare = manager[name];
    manager[name] = (...given) => calls.run("connection", () => prepare.apply(manager, given));
  }
  queryInterface = sequelize.getQueryInterface();
  for (let of = queryInterface; of !== Object.prototype; of = Object.getPrototypeOf(of)) {
    for (const name of Object.getOwnPropertyNames(of)) {
      const method = queryInterface[name];
      if (name === "constructor" || typeof method !== "function" || Object.hasOwn(queryInterface, name)) continue;
      queryInterface[name] = (...given) => calls.run(calls.getStore() ?? name, () => method.apply(queryInterface, given));
    }
  }
  // For migrations that were written for umzug alone.
  queryInterface.context = queryInterface;
  await sequelize.authenticate();
  return {};
}

async function run({ file, way }) {
  const loaded = await import(pathToFileURL(file));
  const migration = typeof loaded[way] === "function" ? loaded : (loaded.default ?? {});
  if (typeof migration[way] !== "function") return { statements: null };
  recorded = [];
  const { Sequelize } = own("sequelize");
  try {
    const work = migration[way];
    if (work.length === 3) {
      await new Promise((resolve, reject) => {
        work.call(migration, queryInterface, Sequelize, (error) => (error ? reject(error) : resolve()));
      });
    } else {
      await work.call(migration, queryInterface, Sequelize);
    }
    // Of a promise that the migration does not wait for.
    do await new Promise((resolve) => setTimeout(resolve, 10));
    while (recorded.some((entry) => !entry.isDone));
  } catch (error) {
    return { error: error.original?.message ?? error.message ?? String(error) };
  }
  const kept = committed(recorded);
  recorded = null;
  return kept;
}

// The statements that had an effect, without transactions that were rolled back; and the errors that the migration went on after.
function committed(all) {
  const gone = new Set();
  const errors = [];
  const begun = new Map();
  all.forEach((entry, index) => {
    const word = entry.sql.trim();
    if (entry.error) errors.push(entry.error);
    const open = begun.get(entry.client) ?? [];
    begun.set(entry.client, open);
    if (entry.error || /^(start transaction|begin|commit|set transaction|release savepoint)\b[^;]*;?$/i.test(word)) gone.add(index);
    const savepoint = /^savepoint\s+(\S+?);?$/i.exec(word);
    // Of a transaction in which a statement was refused.
    const isBack = /^rollback;?$/i.test(word) || (/^commit\b/i.test(word) && entry.tag === "ROLLBACK");
    const back = /^rollback to (?:savepoint\s+)?(\S+?);?$/i.exec(word);
    if (/^(start transaction|begin)\b/i.test(word)) begun.set(entry.client, [[null, index]]);
    if (savepoint) open.push([savepoint[1], index]);
    if (savepoint || back) gone.add(index);
    const from = back ? open.findLast(([name]) => name === back[1])?.[1] : isBack ? open[0]?.[1] : undefined;
    for (let at = from ?? index + 1; at <= index; at++) if (all[at].client === entry.client) gone.add(at);
  });
  const statements = all.filter((_, index) => !gone.has(index)).map(({ sql, call }) => ({ sql, call }));
  return { statements, errors };
}

const stray = [];
process.on("unhandledRejection", (error) => stray.push(error?.message ?? String(error)));
console.log = console.info = console.error;

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line);
    const work = { load, connect, run }[asked.do];
    stray.length = 0;
    try {
      const found = await work(asked);
      answer(found.errors ? { ...found, errors: [...found.errors, ...stray] } : found);
    } catch (error) {
      answer({ error: error.original?.message ?? error.message ?? String(error) });
    }
  }
  process.exit(0);
}

main();
