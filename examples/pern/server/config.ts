// Everything that differs between installations comes from the environment; the stack sets it.

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`the environment variable ${name} is not set`);
  return value;
}

export const config = {
  port: Number(process.env["PORT"] ?? 3000),
  /** Of this machine alone, unless a container passes its port on. */
  host: process.env["HOST"] ?? "127.0.0.1",
  processName: process.env["PROCESS_NAME"] ?? `process${process.pid}`,
  /** The login `api`, a member of chat_app: through PgBouncer to the primary and to the standby. */
  api: new URL(required("API_URL")),
  replica: new URL(required("API_REPLICA_URL")),
  /** The login `worker`, a member of chat_worker. */
  worker: new URL(required("WORKER_URL")),
  redis: required("REDIS_URL"),
  secrets: { jwtSecret: required("JWT_SECRET") },
  /** A revoked session is cut off at once, by the session cache; the time limits what a copied token is good for. */
  accessTokenSeconds: 15 * 60,
  /** A read whose standby is behind waits this long before it goes to the primary. */
  replicaPatience: "20 milliseconds",
  pageFolder: new URL("../web/dist", import.meta.url).pathname,
  /** The worker writes this file when it has read the events up to now. */
  readyFile: process.env["READY_FILE"],
};
