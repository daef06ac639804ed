// Two logins: `api` acts for users, with primary and standby; `worker` writes statuses and the audit trail, and reads events.
import { AsyncLocalStorage } from "node:async_hooks";
import { QueryTypes, Sequelize, type Options } from "sequelize";
import { config } from "./config";
import { defineApp, defineWorker } from "./models";

// With continuation-local storage the calls within a transaction need no option `transaction`. It is the same for all instances of
// Sequelize: within a transaction of `app`, use models of `worker` only with `transaction: null`.
const storage = new AsyncLocalStorage<Map<string, unknown>>();
Sequelize.useCLS({
  run: (work: (context: unknown) => unknown) => storage.run(new Map(storage.getStore()), () => work(storage.getStore())),
  get: (key: string) => storage.getStore()?.get(key),
  set: (key: string, value: unknown) => storage.getStore()?.set(key, value),
  bind: (work: () => unknown) => work,
});

const at = (url: URL) => ({
  host: url.hostname,
  port: url.port,
  username: url.username,
  password: decodeURIComponent(url.password),
  database: url.pathname.slice(1),
});

// Behind PgBouncer a setting of the session is another client's too: Sequelize sets none (neither time zone nor client_min_messages).
// Limits of time belong to the logins. What the network swallows ends by `query_timeout`.
// The types do not know keepDefaultTimezone.
const options: Options & { keepDefaultTimezone: boolean } = {
  dialect: "postgres",
  logging: false,
  keepDefaultTimezone: true,
  pool: { max: 8, acquire: 8_000, idle: 20_000 },
  dialectOptions: { clientMinMessages: "ignore", connectionTimeoutMillis: 4_000, query_timeout: 12_000, keepAlive: true, application_name: config.processName },
};

export const app = new Sequelize({ ...options, replication: { write: at(config.api), read: [at(config.replica)] } });
export const worker = new Sequelize({ ...options, ...at(config.worker), port: Number(config.worker.port) });

export const { AuthSession, ConversationParticipant, Message, MessageStatus, UserPublicKey } = defineApp(app);
export const forWorker = defineWorker(worker);

/** Rows of a query: in the current transaction, otherwise on the primary, where a plain SELECT would go to a standby. */
export async function select<Row extends object>(query: string, bind: unknown[] = []): Promise<Row[]> {
  return app.query<Row>(query, { bind, type: QueryTypes.SELECT, useMaster: true });
}

/** The only row of a query. */
export async function selectOne<Row extends object>(query: string, bind: unknown[] = []): Promise<Row> {
  const [row] = await select<Row>(query, bind);
  if (!row) throw new Error("the query has no row");
  return row;
}
