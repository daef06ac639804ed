// What was typed and not confirmed. It is sent in order, again and again with the same id, so that it arrives once.
import type { Id, Message } from "../../../shared/protocol.js";
import { messageOf, OutOfReach, Refused, SignedOut } from "../net/errors.js";
import type { Pending, State } from "./state.js";
import type { Store } from "./store.js";

const NAME = "outbox";
const PAUSE_MS = 4_000;

/** Sends one message; returns null where it has to wait for a key. */
export type Send = (pending: Pending) => Promise<Message | null>;

export class Outbox {
  private isRunning = false;
  private isStopped = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly store: Store<State>,
    private readonly send: Send,
    private readonly confirm: (message: Message) => void,
  ) {
    const kept = JSON.parse(sessionStorage.getItem(NAME) ?? "[]") as Pending[];
    store.set((state) => ({ ...state, pending: kept }));
  }

  add(pending: Pending): void {
    this.change((all) => [...all, pending]);
    void this.flush();
  }

  remove(id: Id): void {
    this.change((all) => all.filter((pending) => pending.id !== id));
  }

  retry(id: Id): void {
    this.change((all) => all.map((pending) => (pending.id === id ? { ...pending, failure: null } : pending)));
    void this.flush();
  }

  /** Send what waits. A conversation without a key keeps only its own messages waiting. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    if (this.isRunning || this.isStopped) return;
    this.isRunning = true;
    const stuck = new Set<Id>();
    try {
      for (let next = this.next(stuck); next && !this.isStopped; next = this.next(stuck)) {
        if (!(await this.sendOne(next))) stuck.add(next.conversationId);
      }
    } finally {
      this.isRunning = false;
    }
    if (stuck.size > 0) this.timer = setTimeout(() => void this.flush(), PAUSE_MS);
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private next(stuck: ReadonlySet<Id>): Pending | undefined {
    return this.store.get().pending.find(({ failure, conversationId }) => failure === null && !stuck.has(conversationId));
  }

  /** Return whether the message needs no further try. */
  private async sendOne(pending: Pending): Promise<boolean> {
    try {
      const message = await this.send(pending);
      if (message === null) return false;
      this.confirm(message);
      this.remove(pending.id);
      return true;
    } catch (error) {
      if (error instanceof OutOfReach || error instanceof SignedOut || (error instanceof Refused && error.retry)) return false;
      this.change((all) => all.map((other) => (other.id === pending.id ? { ...other, failure: messageOf(error) } : other)));
      return true;
    }
  }

  private change(change: (all: readonly Pending[]) => readonly Pending[]): void {
    if (this.isStopped) return;
    this.store.set((state) => ({ ...state, pending: change(state.pending) }));
    sessionStorage.setItem(NAME, JSON.stringify(this.store.get().pending));
  }
}
