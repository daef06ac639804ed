// Reads the events of the database, as the login of chat_worker, and lets caches and browsers know. It runs in the worker; several do no
// harm, as handling an event twice does none.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { QueryTypes } from "sequelize";
import { worker } from "../database";
import { failure } from "../errors";
import type { Announcer } from "./announcer";
import { position } from "./changes";
import { effect, type Effect, type Event } from "./kinds";
import { store } from "./store";
import * as topics from "./topics";

const POLL_MS = 100;
// While nothing renews it, no cache is trusted: longer than a poll of a busy database takes, short enough for a worker that died.
const LEASE_MS = 3_000;
const PAGE = 200;
const START_OVER = ["OBX02", "OBX03"]; // another server or a failover; or away for longer than events are kept
// One row at least, with the start of the server: after a crash it may give numbers again that a cursor has seen, so the reader starts over.
const EVENTS = `
  select extract(epoch from pg_postmaster_start_time())::text as server, e.*
  from (select) as always left join chatschema.events_after($1, $2) as e on true`;

const select = <Row extends object>(query: string, bind: unknown[] = []) => worker.query<Row>(query, { bind, type: QueryTypes.SELECT });

export class EventReader {
  private runId: string | null = null;
  private isOver = false;

  constructor(private readonly announcer: Announcer, private readonly onCaughtUp: () => void) {}

  async run(): Promise<void> {
    while (!this.isOver) {
      try {
        await this.step();
      } catch (error) {
        // Redis or the primary is away. Nothing is lost: the cursor stays where it is.
        if (!failure(error).isPassing && store.runId !== null) console.error(`events: ${(error as Error).message}`);
        await sleep(200);
      }
    }
  }

  stop(): void {
    this.isOver = true;
  }

  private async step(): Promise<void> {
    const runId = store.runId;
    if (runId === null) return void (await sleep(50));
    // A Redis that has just come back may be empty, or older than what was in it before.
    if (runId !== this.runId) {
      if (!(await store.raiseAll(await position()))) await this.startOver();
      await this.announcer.everybodyAgain();
      this.runId = runId;
    }
    const { cursor, server } = await store.state();
    const page = cursor && (await this.page(cursor, server));
    if (!page) return this.startOver();
    const last = page.at(-1);
    if (last) return this.handle(page, cursor, last.cursor);
    await store.lease(cursor, runId, LEASE_MS);
    this.onCaughtUp();
    await sleep(POLL_MS);
  }

  /** The next events behind the cursor; null if they cannot be told from those that it has seen. */
  private async page(cursor: string, server: string | null): Promise<Event[] | null> {
    try {
      const rows = await select<Event & { server: string }>(EVENTS, [cursor, PAGE]);
      return rows[0]?.server === server ? rows.filter(({ kind }) => kind !== null) : null;
    } catch (error) {
      if (!START_OVER.includes(failure(error).code)) throw error;
      return null;
    }
  }

  /** First the caches, then the browsers, which fetch at once; the cursor last, together with the caches once more. */
  private async handle(page: Event[], from: string, to: string): Promise<void> {
    // After the page was read: the changes are in front of it.
    const lsn = await position();
    const effects = await Promise.all(
      page.map(async (one) => {
        const event = await this.complete(one);
        return { event, effect: await this.spread(event, effect(event)) };
      }),
    );
    if (effects.some(({ effect }) => effect.everything)) {
      await store.startOver(randomUUID(), to, lsn);
      return this.announcer.everybodyAgain();
    }
    const old = [...new Set(effects.flatMap(({ effect }) => effect.topics))];
    await store.change(old, lsn);
    for (const { event, effect } of effects) this.announcer.announce(event, effect);
    await this.announcer.isSent();
    await store.move(from, to, lsn, old);
  }

  /** The beginning and the end of the erasure of one message name no conversation. */
  private async complete(event: Event): Promise<Event> {
    if (!event.kind.startsWith("message.") || event.conversation_id || !event.row_id) return event;
    const [row] = await select<{ id: string }>("select conversation_id as id from public.messages where id = $1", [event.row_id]);
    return { ...event, conversation_id: row?.id ?? null };
  }

  private async spread(event: Event, found: Effect): Promise<Effect> {
    if (!found.spread) return found;
    const isOfUser = found.spread === "conversations of the user";
    const rows = isOfUser
      ? await select<{ id: string }>("select conversation_id as id from public.conversation_participants where user_id = $1", [event.user_id])
      : await select<{ id: string }>("select user_id as id from public.conversation_participants where conversation_id = $1", [event.conversation_id]);
    const more = rows.map(({ id }) => (isOfUser ? topics.conversation(id) : topics.conversations(id)));
    return { ...found, topics: [...found.topics, ...more], rooms: isOfUser ? rows.map(({ id }) => id) : found.rooms };
  }

  private async startOver(): Promise<void> {
    const [row] = await select<{ cursor: string; server: string }>(
      "select chatschema.events_now() as cursor, extract(epoch from pg_postmaster_start_time())::text as server",
    );
    // The position after the cursor: what was changed before the cursor is in front of it.
    if (row) await store.startOver(randomUUID(), row.cursor, await position(), row.server);
    await this.announcer.everybodyAgain();
  }
}
