// The users of the simulation. It is told what to do by lines of stdin and tells how far it is by lines of stdout; run.py is at the other end.
// node --import tsx simulation/main.ts '{"apis": [...], "users": 20, "messages": 5000, "record": "file.json", "thinkMs": 100}'
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { Conversation, Id } from "../shared/protocol";
import { Acts } from "./acts";
import { Connection, register } from "./connection";
import { Person } from "./person";
import { base64 } from "./random";
import { Record } from "./record";

interface Options {
  apis: string[];
  users: number;
  messages: number;
  record: string;
  thinkMs: number;
}

const options = JSON.parse(process.argv[2]!) as Options;
const record = new Record();
const tell = (line: object) => console.log(JSON.stringify(line));
const heard = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const hear = async (): Promise<string> => (await heard.next()).value ?? "over";
process.on("unhandledRejection", (error) => {
  console.error("not handled:", error);
  process.exit(1);
});

const people: Person[] = [];
for (let first = 0; first < options.users; first += 4) {
  // Four at a time: each takes a second of bcrypt.
  const names = Array.from({ length: Math.min(4, options.users - first) }, (_, i) => first + i);
  people.push(...(await Promise.all(names.map(async (number) => {
    const api = options.apis[number % options.apis.length]!;
    return new Person(new Connection(api, await register(api, `user${number}`, base64(32))), record);
  }))));
}

const adminOf = new Map<Id, Person>();
async function found(type: "group" | "direct", title: string | undefined, [creator, ...others]: Person[]): Promise<Id> {
  const body = { type, title, members: others.map(({ id }) => id) };
  const { conversation } = (await creator!.connection.request("POST", "/conversations", body)) as { conversation: Conversation };
  if (type === "group") adminOf.set(conversation.id, creator!);
  return conversation.id;
}

// Everybody; groups of about a third; pairs. In `old` run.py puts messages of a month that is retired later.
const old = await found("group", "old", people);
const groups = Math.max(1, Math.floor(options.users / 5));
for (let group = 0; group < groups; group += 1) await found("group", `group ${group}`, people.filter((_, i) => i === group || (i * 7 + group * 3) % 10 < 4));
for (let i = 0; i + 1 < people.length; i += 2) await found("direct", undefined, [people[i]!, people[i + 1]!]);

for (const { connection } of people) connection.socket.connect();
await Promise.all(people.map(({ connection }) => new Promise<void>((resolve) => (connection.socket.connected ? resolve() : connection.socket.once("connect", resolve)))));
// The admins stay; the last user is the one whom run.py erases.
tell({ at: "ready", users: people.map(({ id, connection }) => ({ id, username: connection.user.username })), old });
await hear();

let isOver = false;
const started = Date.now();
const acting = people.map(async (person) => {
  const acts = new Acts(person, record, adminOf);
  while (!isOver && !person.connection.isSignedOut) {
    await acts.once();
    await sleep(options.thinkMs * 2 * Math.random());
  }
});
let told = -1;
const telling = setInterval(() => {
  if (record.times.length !== told) tell({ at: "sent", count: (told = record.times.length) });
}, 100);
// All faults have been, and all messages are sent.
await hear();
while (record.times.length < options.messages) await sleep(50);
isOver = true;
await Promise.all(acting);
clearInterval(telling);
tell({ at: "quiet", seconds: (Date.now() - started) / 1000 });
await hear();

// What was told by then, and what only a new connection brought.
await Promise.all(people.map((person) => person.settled()));
const before = new Map(people.map((person) => [person.id, person.report()]));
for (const { connection } of people) if (!connection.isSignedOut) connection.socket.disconnect().connect();
await sleep(300);
await Promise.all(people.map((person) => (person.connection.isSignedOut ? undefined : person.sync())));
record.clients = people.map((person) => {
  const report = person.report();
  for (const conversation of report.conversations) {
    const earlier = new Set(before.get(person.id)?.conversations.find(({ id }) => id === conversation.id)?.received);
    conversation.missingBeforeReconnect = conversation.received.filter((id) => !earlier.has(id)).length;
  }
  return report;
});
record.write(options.record);
tell({ at: "over" });
process.exit(0);
