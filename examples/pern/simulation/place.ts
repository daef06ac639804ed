// A conversation as one client has it: the newest messages, which it shows, and the ids of all that it ever got.
import type { Conversation, Id, Message } from "../shared/protocol";
import { unless, type Connection } from "./connection";

const PAGE = 50;
/** How many messages a client keeps current; of older ones it knows only that it got them. */
export const SHOWN = 100;
/** A message whose sender was cut off is stored late, below newer ids. Fetching goes back by so much further than what is known. */
const LATE_MS = 120_000;
const DAY_MS = 86_400_000;

const timeOf = (id: Id) => parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

export class Place {
  readonly received = new Set<Id>();
  readonly doubled: string[] = [];
  private readonly shown = new Map<Id, Message>();
  /** All up to this time has been fetched, but for what was stored late. */
  private fetchedUntil = 0;
  private fetching: Promise<void> = Promise.resolve();

  constructor(private readonly connection: Connection, public conversation: Conversation) {}

  newestFirst(): Message[] {
    return [...this.shown.values()].sort((one, other) => (one.id < other.id ? 1 : -1));
  }

  /** Those of today: the month of an old one may be retired before an act on it arrives, which is then refused. */
  recent(): Message[] {
    return this.newestFirst().filter(({ id }) => timeOf(id) > Date.now() - DAY_MS);
  }

  add(message: Message): void {
    this.received.add(message.id);
    this.shown.set(message.id, message);
    if (this.shown.size > 2 * SHOWN) this.trim();
  }

  change(message: Message): void {
    if (this.shown.has(message.id)) this.shown.set(message.id, { ...message, reactions: this.shown.get(message.id)!.reactions });
  }

  remove(firstId?: Id, lastId?: Id): void {
    for (const id of this.shown.keys()) if ((!firstId || id >= firstId) && (!lastId || id <= lastId)) this.shown.delete(id);
  }

  /** Pages from the newest back to what is known, and as far as is shown; or at least back to `firstId`. One at a time. */
  fetch(firstId?: Id): Promise<void> {
    const loading = this.fetching.then(() => this.load(firstId)).catch(unless("not_found")); // not a member any more
    this.fetching = loading.catch(() => {});
    return loading;
  }

  private async load(firstId?: Id): Promise<void> {
    const before = new Set(this.shown.keys());
    const found = new Map<Id, Message>();
    const backTo = Math.min(this.fetchedUntil - LATE_MS, firstId ? timeOf(firstId) - 1 : Infinity);
    let oldest: Id | null = null;
    let newest = 0;
    for (;;) {
      const query: string = `limit=${PAGE}` + (oldest ? `&before=${oldest}` : "");
      const { messages } = (await this.connection.request("GET", `/conversations/${this.conversation.id}/messages?${query}`)) as { messages: Message[] };
      for (const message of messages) {
        if (found.has(message.id)) this.doubled.push(message.id);
        found.set(message.id, message);
      }
      if (messages[0]) newest = Math.max(newest, timeOf(messages[0].id));
      oldest = messages.at(-1)?.id ?? null;
      if (messages.length < PAGE || oldest === null || (found.size >= SHOWN && timeOf(oldest) < backTo)) break;
    }
    const isAll = oldest === null || found.size < SHOWN;
    // What is not there any more was removed; what came by the socket meanwhile stays.
    for (const id of before) if (!found.has(id) && (isAll || id >= oldest!)) this.shown.delete(id);
    for (const message of found.values()) this.add(message);
    this.trim();
    this.fetchedUntil = Math.max(this.fetchedUntil, newest);
  }

  private trim(): void {
    for (const { id } of this.newestFirst().slice(SHOWN)) this.shown.delete(id);
  }
}
