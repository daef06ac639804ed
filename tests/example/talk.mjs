// Two users talk over sockets of different API processes. Prints one JSON line for each step, and waits for a line of stdin between them.
// Run in examples/pern: node .../talk.mjs API1 API2
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const { io } = createRequire(join(process.cwd(), "package.json"))("socket.io-client");
const [api1, api2] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const tell = (step) => console.log(JSON.stringify(step));
const next = async () => (await lines.next()).value;

async function call(api, method, path, token, body) {
  const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
  const answer = await fetch(`${api}/api${path}`, { method, headers, body: body && JSON.stringify(body) });
  return { status: answer.status, ...(await answer.json()) };
}

function uuid7() {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

async function connect(api, { accessToken }) {
  const socket = io(api, { auth: { token: accessToken }, transports: ["websocket"] });
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("connect_error", reject));
  socket.onAny((name, data) => socket.heard.push({ name, data }));
  socket.heard = [];
  return socket;
}

/** Wait until a socket has heard something, for ten seconds at most. */
async function heard(socket, name, is = () => true) {
  for (const until = Date.now() + 10_000; Date.now() < until; await sleep(5)) {
    const found = socket.heard.find((one) => one.name === name && is(one.data));
    if (found) return found.data ?? true;
  }
  return null;
}

const password = "derived from what the user types";
const register = (api, username) => call(api, "POST", "/register", null, { username, password, publicKey: randomBytes(32).toString("base64"), deviceName: "first" });
const [alice, bob] = await Promise.all([register(api1, "alice"), register(api2, "bob")]);
const { conversation } = await call(api1, "POST", "/conversations", alice.accessToken, { type: "direct", members: [bob.user.id] });
const sockets = { alice: await connect(api1, alice), bob: await connect(api2, bob) };
const message = (id = uuid7()) => ({
  id, conversationId: conversation.id, encryptedContent: randomBytes(100).toString("base64"), nonce: randomBytes(24).toString("base64"),
  algorithm: "xchacha20poly1305-ietf", keyVersion: 1,
});
const send = (socket, name, data) => socket.timeout(8_000).emitWithAck(name, data);
/** Again, with the same id, where the connection was closed before the answer. */
async function sendSurely(socket, name, data) {
  for (const until = Date.now() + 15_000; ; await sleep(50)) {
    try {
      return await send(socket, name, data);
    } catch (error) {
      if (Date.now() > until) throw error;
    }
  }
}
const page = async (api, who) => (await call(api, "GET", `/conversations/${conversation.id}/messages`, who.accessToken)).messages;

// Both ways, and the same message again.
const first = message();
const sent = await send(sockets.alice, "send_message", first);
const again = await send(sockets.alice, "send_message", first);
const got = await heard(sockets.bob, "new_message", ({ id }) => id === first.id);
const reply = await send(sockets.bob, "send_message", { ...message(), replyToId: first.id });
const gotReply = await heard(sockets.alice, "new_message", ({ id }) => id === reply.message.id);
const status = await heard(sockets.alice, "status", ({ messageId }) => messageId === first.id);
tell({
  conversation: conversation.id, message: first.id, isSame: got?.content === first.encryptedContent && sent.message.content === got.content,
  isSentOnce: again.message?.id === first.id && (await page(api2, bob)).filter(({ id }) => id === first.id).length === 1,
  reply: gotReply?.replyToId, second: reply.message.id, status: status?.status, presence: (await heard(sockets.alice, "presence"))?.isOnline,
});
await next();

// What was just written is read at once, by the other process, behind a standby that is late.
let stale = 0;
const times = Number(process.env.TIMES ?? 20);
const took = [];
for (let n = 0; n < times; n++) {
  const data = message();
  const started = performance.now();
  await send(sockets.alice, "send_message", data);
  took.push(performance.now() - started);
  if ((await page(api2, alice))[0]?.id !== data.id) stale++;
  const reaction = await send(sockets.alice, "add_reaction", { conversationId: conversation.id, messageId: data.id, reaction: "👍" });
  if (!(await page(api2, alice))[0]?.reactions.some(({ reactions }) => reactions.includes("👍")) || !reaction.reactions) stale++;
}
tell({ times, stale, median: took.sort((a, b) => a - b)[times >> 1], mark: await send(sockets.bob, "read", { conversationId: conversation.id, messageId: (await page(api2, bob))[0].id }) });
await next();

// What Redis forgets, or remembers wrongly, is in no answer.
for (let command; (command = await next()) !== "go on"; ) {
  const data = message();
  const { error } = await sendSurely(sockets.alice, "send_message", data);
  const pages = [];
  for (let n = 0; n < 10; n++) {
    pages.push(...(await Promise.all([page(api1, alice), page(api2, alice), page(api2, bob)])));
    await sleep(50);
  }
  tell({ command, error: error ?? null, stale: pages.filter((messages) => messages?.[0]?.id !== data.id).length, read: pages.length });
}

// A device that is signed out elsewhere.
const second = await call(api1, "POST", "/login", null, { username: "bob", password, deviceName: "second" });
const device = await connect(api2, second);
const { devices } = await call(api2, "GET", "/devices", second.accessToken);
const revoked = await call(api1, "DELETE", `/devices/${second.sessionId}`, bob.accessToken);
const after = await call(api2, "GET", "/devices", second.accessToken);
const toldRevoked = await heard(device, "session_revoked");
await sleep(50);
tell({
  devices: devices.map(({ deviceName, isThis }) => [deviceName, isThis]), revoked: revoked.revoked, after: [after.status, after.error?.code],
  told: toldRevoked !== null, isClosed: !device.connected, others: (await call(api1, "GET", "/devices", bob.accessToken)).status,
});
await next();

// Erased by a command.
await page(api1, alice);
tell({ cached: (await page(api2, bob)).find(({ id }) => id === first.id)?.content === first.encryptedContent });
await next();
const told = await heard(sockets.bob, "messages_changed", ({ lastId, change }) => lastId === first.id && change === "erased");
const erased = await Promise.all([page(api1, alice), page(api2, bob)]);
tell({ told: told !== null, contents: erased.map((messages) => messages.find(({ id }) => id === first.id)?.content) });
await next();

// Erased while nobody invalidates, with a Redis that remembers what was before.
const kept = await Promise.all([page(api1, alice), page(api2, bob)]);
tell({ contents: kept.map((messages) => messages.find(({ id }) => id === reply.message.id)?.content) });
Object.values(sockets).forEach((socket) => socket.disconnect());
process.exit(0);
