// A database of its own for each test, from the pool of `chatschema ci pool start`. Copy this file into your project.
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

/**
 * Take a database: { url, name, give }. It is dropped by give(), and also when this process ends, however it ends.
 * `folder` is where the pool was started.
 */
export async function takeDatabase(folder = process.cwd()) {
  const { socket: path } = JSON.parse(readFileSync(join(folder, ".chatschema", "pool.json"), "utf8"));
  const socket = connect(path);
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const failed = new Promise((_, reject) => socket.once("error", reject));
  failed.catch(() => {});
  socket.write("take\n");
  const { value } = await Promise.race([lines.next(), failed]);
  if (value === undefined) throw new Error("the pool of databases has ended");
  const answer = JSON.parse(value);
  if (answer.error) throw new Error(`${answer.error.message}\n${answer.error.hint ?? ""}`);
  // The open connection holds the database. It does not keep Node running.
  socket.unref();
  return { url: answer.url, name: answer.database, give: () => socket.end() };
}
