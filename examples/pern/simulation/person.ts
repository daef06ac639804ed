// A user as a browser is one: knows conversations, shows the newest messages of each, and follows what the server tells.
import { setTimeout as sleep } from "node:timers/promises";
import type { Conversation, Id, Message, PublicKey } from "../shared/protocol";
import { passwordOf, Refused, type Connection } from "./connection";
import { Place } from "./place";
import { base64, pick } from "./random";
import type { Client, Record } from "./record";

/** A broadcast may be under way when somebody leaves; the room is left by an event, up to a second later, or when Redis is back. */
const STILL_MS = 10_000;
/** A member left, or was erased, between reading the members and sharing the key with them: read again, share again. */
const OUTDATED = ["share_key_members", "share_key_public_key"];
const SHARE_TRIES = 5;

export class Person {
  readonly places = new Map<Id, Place>();
  readonly strange: Client["strange"] = [];
  private readonly leftAt = new Map<Id, number>();
  /** Conversations to fetch again, and the one loop that does it. */
  private readonly due = new Set<Id>();
  private rereading: Promise<void> | null = null;
  private syncing: Promise<void> = Promise.resolve();

  constructor(readonly connection: Connection, private readonly record: Record) {
    const { socket } = connection;
    socket.on("connect", () => void this.sync());
    socket.on("new_message", (message) => this.onMessage(message));
    socket.on("message_changed", (message) => this.places.get(message.conversationId)?.change(message));
    socket.on("messages_changed", ({ conversationId, firstId, lastId, change }) => {
      const place = this.places.get(conversationId);
      if (change === "sent" && place?.received.has(lastId)) return;
      if (change === "sent") void place?.fetch(firstId).catch((error) => this.failed("GET /messages", error));
      else this.reread(conversationId);
    });
    socket.on("messages_removed", ({ conversationId, firstId, lastId }) => {
      this.places.get(conversationId)?.remove(firstId, lastId);
      this.reread(conversationId);
    });
    socket.on("conversation_changed", ({ conversationId }) => this.reread(conversationId));
    socket.on("conversation_removed", ({ conversationId }) => this.places.delete(conversationId));
  }

  get id() {
    return this.connection.user.id;
  }

  /** All conversations again, and what each shows; what was missed while away is in it. */
  sync(): Promise<void> {
    this.syncing = this.syncing.then(async () => {
      const { conversations } = (await this.connection.request("GET", "/conversations")) as { conversations: Conversation[] };
      const known = new Set(conversations.map(({ id }) => id));
      for (const id of this.places.keys()) if (!known.has(id)) this.left(id);
      for (const conversation of conversations) this.enter(conversation);
      for (const { id } of conversations) await this.places.get(id)?.fetch();
    }).catch((error) => this.failed("GET /conversations", error));
    return this.syncing;
  }

  /** This person leaves: from now on nothing may come. */
  left(id: Id): void {
    this.places.delete(id);
    this.leftAt.set(id, Date.now());
  }

  /** Somebody lets this person in again: from now on messages may come, before the client knows of it. */
  comesBack(id: Id): void {
    this.leftAt.delete(id);
  }

  /** What the judge asks for. */
  report(): Client {
    return {
      userId: this.id, username: this.connection.user.username, password: passwordOf(this.connection.user.username),
      isSignedOut: this.connection.isSignedOut, strange: this.strange,
      conversations: [...this.places].map(([id, place]) => ({ id, received: [...place.received], shown: place.newestFirst(), missingBeforeReconnect: 0 })),
      doubled: [...this.places.values()].flatMap(({ doubled }) => doubled),
    };
  }

  failed(call: string, error: unknown): void {
    if (!(error instanceof Refused)) throw error;
    if (error.code !== "signed_out" && !this.connection.isSignedOut) this.record.refused(call, error.code, this.id);
  }

  private onMessage(message: Message): void {
    const place = this.places.get(message.conversationId);
    if (place) return place.add(message);
    const leftAt = this.leftAt.get(message.conversationId);
    if (leftAt && Date.now() - leftAt > STILL_MS) this.strange.push({ conversationId: message.conversationId, messageId: message.id, afterMs: Date.now() - leftAt });
  }

  private enter(conversation: Conversation): void {
    const place = this.places.get(conversation.id);
    if (place) place.conversation = conversation;
    else this.places.set(conversation.id, new Place(this.connection, conversation));
    this.leftAt.delete(conversation.id);
  }

  /** All that was to be fetched again has been. */
  async settled(): Promise<void> {
    while (this.rereading !== null) await this.rereading;
  }

  /** Fetch the conversation and what it shows: one after the other and about one a second, however much is told. */
  private reread(id: Id): void {
    this.due.add(id);
    this.rereading ??= this.rereadAll().finally(() => (this.rereading = null));
  }

  private async rereadAll(): Promise<void> {
    while (this.due.size > 0 && !this.connection.isSignedOut) {
      await sleep(500 + Math.random() * 1_000);
      const id = pick([...this.due])!;
      this.due.delete(id);
      await this.fetchConversation(id).catch((error) => this.failed("GET /conversations/:id", error));
    }
  }

  private async fetchConversation(id: Id): Promise<void> {
    try {
      for (let attempt = 1; ; attempt += 1) {
        const { conversation, keys } = (await this.connection.request("GET", `/conversations/${id}`)) as { conversation: Conversation; keys: PublicKey[] };
        this.enter(conversation);
        await this.places.get(id)?.fetch();
        if (await this.shareKeys(conversation, keys, attempt === SHARE_TRIES)) return;
      }
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "not_found") throw error;
      if (this.places.has(id)) this.left(id);
    }
  }

  /** Somebody left: an admin makes the next key. False: who is to have it changed meanwhile, as web/src/chat/keeper.ts has it too. */
  private async shareKeys({ id, keyVersion, members }: Conversation, keys: PublicKey[], isLast: boolean): Promise<boolean> {
    const me = members.find(({ userId }) => userId === this.id);
    if (me?.role !== "admin" || (me.keyVersion ?? 0) >= keyVersion) return true;
    const wrapped = keys.map((key) => ({ userId: key.userId, publicKeyId: key.id, wrappedKeys: base64(80) }));
    try {
      await this.connection.request("PUT", `/conversations/${id}/keys`, { version: keyVersion, wrapped });
    } catch (error) {
      if (isLast || !(error instanceof Refused) || !OUTDATED.includes(error.code)) throw error;
      this.record.repeated("PUT /conversations/:id/keys", error.code);
      return false;
    }
    return true;
  }
}
