// What a signed-in user can do. Views call these and read the store; failures end as a notice, never as an unhandled rejection.
import type { Conversation, Device, Id, Message, PublicKey } from "../../../shared/protocol.js";
import { EMPTY, encryptText, fromBase64, identityOf, idMaker, newest, type Reading, readMessage } from "../crypto/index.js";
import { call, signOut } from "../net/account.js";
import { messageOf, Refused, SignedOut } from "../net/errors.js";
import { serverTime } from "../net/http.js";
import type { Session } from "../net/session.js";
import { ask, type ChatSocket, openSocket } from "../net/socket.js";
import { Keeper } from "./keeper.js";
import { listen } from "./listen.js";
import { Outbox } from "./outbox.js";
import {
  INITIAL, type Pending, type State, withConversation, withEarlierPage, withLoading, withMessage, withNewestPages, withoutConversation, withReactions,
  withRead,
} from "./state.js";
import { Store } from "./store.js";

const PAGE = 50;
const TYPING_EVERY_MS = 2_500;

export class Chat {
  readonly store = new Store<State>(INITIAL);
  readonly socket: ChatSocket;
  readonly keeper: Keeper;
  readonly outbox: Outbox;
  /** Public keys of users, as the server names them. */
  readonly keys = new Map<Id, PublicKey>();
  private readonly newId = idMaker(serverTime);
  private readonly readings = new WeakMap<Message, { ring: unknown; reading: Reading }>();
  private typedAt = 0;

  constructor(readonly session: Session, private readonly ended: (isRevoked: boolean) => void) {
    this.socket = openSocket(() => this.end());
    this.keeper = new Keeper({
      me: this.me,
      identity: identityOf(fromBase64(session.seed)),
      fetch: (id) => call("GET /conversations/:id", { params: { id } }),
      share: async (id, { version, wrapped }) =>
        (await call("PUT /conversations/:id/keys", { params: { id }, body: { version, wrapped } })).shared,
      put: (conversation, keys) => this.put(conversation, keys),
    });
    this.outbox = new Outbox(this.store, (pending) => this.sendPending(pending), (message) => this.store.set((state) => withMessage(state, message)));
  }

  get me(): Id {
    return this.session.user.id;
  }

  /** Connect; returns what disconnects. */
  start(): () => void {
    const quiet = listen(this);
    this.socket.connect();
    return () => {
      quiet();
      this.outbox.stop();
      this.socket.disconnect();
    };
  }

  /** The text of a message, decrypted once for each ring. */
  read(message: Message): Reading {
    const conversation = this.store.get().conversations.get(message.conversationId);
    const ring = conversation ? this.keeper.ringOf(conversation) : null;
    const known = this.readings.get(message);
    if (known && known.ring === ring) return known.reading;
    const reading = readMessage(message, ring);
    this.readings.set(message, { ring, reading });
    return reading;
  }

  /** Fetch the list, and the newest page of the open conversation: after connecting, as events may have been missed. */
  async load(): Promise<void> {
    const { conversations } = await call("GET /conversations", {});
    this.store.set((state) => {
      const selected = conversations.some(({ id }) => id === state.selected) ? state.selected : null;
      const threads = new Map([...state.threads].filter(([id]) => id === selected));
      return { ...state, isLoaded: true, conversations: new Map(conversations.map((each) => [each.id, each])), threads, selected };
    });
    const { selected } = this.store.get();
    if (selected !== null) await this.loadShown(selected);
    for (const conversation of conversations) if (this.keeper.isDue(conversation)) this.attempt(this.keeper.settle(conversation.id));
    await this.outbox.flush();
  }

  /** Fetch a conversation that has changed; forget it where the user does not belong to it any more. */
  async reload(id: Id): Promise<void> {
    try {
      const { conversation, keys } = await call("GET /conversations/:id", { params: { id } });
      const isMember = conversation.members.some(({ userId, hasLeft }) => userId === this.me && !hasLeft);
      if (isMember) this.put(conversation, keys);
      else this.store.set((state) => withoutConversation(state, id));
    } catch (error) {
      if (!(error instanceof Refused && [403, 404].includes(error.status))) throw error;
      this.store.set((state) => withoutConversation(state, id));
    }
  }

  select(id: Id | null): void {
    this.store.set((state) => ({ ...state, selected: id }));
    if (id === null) return;
    if (!this.store.get().threads.has(id)) this.attempt(this.loadShown(id));
    if (!this.keys.has(this.me)) this.attempt(this.reload(id));
    const conversation = this.store.get().conversations.get(id);
    if (conversation && this.keeper.isDue(conversation)) this.attempt(this.keeper.settle(id));
  }

  /** Fetch what is shown again, as it has changed. */
  async loadShown(id: Id): Promise<void> {
    const first = this.store.get().threads.get(id)?.messages[0]?.id;
    this.store.set((state) => withLoading(state, id));
    let page = await this.page(id);
    const all = [...page];
    while (page.length === PAGE && first !== undefined && (page.at(-1)?.id ?? "") > first) {
      page = await this.page(id, page.at(-1)?.id);
      all.push(...page);
    }
    this.store.set((state) => withNewestPages(state, id, all, page.length === PAGE));
  }

  private async page(id: Id, before?: Id): Promise<Message[]> {
    const params = { id, limit: PAGE, ...(before ? { before } : {}) };
    return (await call("GET /conversations/:id/messages?before=&limit=", { params })).messages;
  }

  async loadEarlier(id: Id): Promise<void> {
    const before = this.store.get().threads.get(id)?.messages[0]?.id;
    if (before === undefined) return;
    const messages = await this.page(id, before);
    this.store.set((state) => withEarlierPage(state, id, messages, messages.length === PAGE));
  }

  send(conversationId: Id, text: string, replyToId: Id | null): void {
    this.typedAt = 0;
    this.outbox.add({ id: this.newId(), conversationId, text, replyToId, failure: null });
  }

  private async sendPending({ id, conversationId, text, replyToId }: Pending): Promise<Message | null> {
    const sealed = await this.seal(conversationId, id, text);
    if (sealed === null) return null;
    const senderKeyId = this.keys.get(this.me)?.id;
    const data = { id, ...sealed, ...(senderKeyId ? { senderKeyId } : {}), ...(replyToId ? { replyToId } : {}) };
    return (await ask(this.socket, "send_message", data)).message;
  }

  /** Encrypt under the newest key; null where there is none yet. */
  private async seal(conversationId: Id, messageId: Id, text: string) {
    const conversation = this.store.get().conversations.get(conversationId);
    if (!conversation) throw new Error("You are not a member of this conversation any more.");
    const ring = this.keeper.isDue(conversation) ? await this.keeper.settle(conversationId) : this.keeper.ringOf(conversation);
    if (newest(ring ?? EMPTY) === 0 || ring === null) return null;
    return { conversationId, ...encryptText(text, ring, { conversationId, senderId: this.me, messageId }) };
  }

  async edit(message: Message, text: string): Promise<void> {
    const sealed = await this.seal(message.conversationId, message.id, text);
    if (sealed === null) throw new Error("There is no key yet. A member who has it must be online once.");
    const { message: edited } = await ask(this.socket, "edit_message", { messageId: message.id, ...sealed });
    this.store.set((state) => withMessage(state, edited));
  }

  async remove({ conversationId, id }: Message): Promise<void> {
    const { message } = await ask(this.socket, "delete_message", { conversationId, messageId: id });
    this.store.set((state) => withMessage(state, message));
  }

  async react({ conversationId, id, reactions }: Message, reaction: string): Promise<void> {
    const isSet = reactions.some(({ userId, reactions: all }) => userId === this.me && all.includes(reaction));
    const answer = await ask(this.socket, isSet ? "remove_reaction" : "add_reaction", { conversationId, messageId: id, reaction });
    this.store.set((state) => withReactions(state, conversationId, id, this.me, answer.reactions));
  }

  /** Everything up to this message is on the screen. */
  markRead(conversationId: Id, messageId: Id): void {
    const mine = this.store.get().conversations.get(conversationId)?.members.find(({ userId }) => userId === this.me);
    if (!this.socket.connected || (mine?.lastReadMessageId ?? "") >= messageId) return;
    this.store.set((state) => withRead(state, conversationId, this.me, messageId, true));
    this.attempt(ask(this.socket, "read", { conversationId, messageId }));
  }

  typing(conversationId: Id): void {
    const now = Date.now();
    if (!this.socket.connected || now - this.typedAt < TYPING_EVERY_MS) return;
    this.typedAt = now;
    this.socket.emit("typing", { conversationId });
  }

  async find(username: string): Promise<{ id: Id; name: string }> {
    const { user, key } = await call("GET /users/:username", { params: { username } });
    if (user.id === this.me) throw new Error("That is you.");
    if (key === null) throw new Error(`${username} has no public key, so nothing can be encrypted for them.`);
    return { id: user.id, name: user.displayName ?? user.username };
  }

  async begin(type: Conversation["type"], members: Id[], title?: string): Promise<void> {
    const body = { type, members, ...(title ? { title } : {}) };
    const { conversation, keys } = await call("POST /conversations", { body });
    this.put(conversation, keys);
    this.select(conversation.id);
    await this.keeper.settle(conversation.id);
  }

  async addMember(conversationId: Id, userId: Id): Promise<void> {
    const { conversation } = await call("POST /conversations/:id/members", { params: { id: conversationId }, body: { userId } });
    this.put(conversation, []);
    await this.keeper.settle(conversationId);
  }

  /** Leave, or remove somebody. Those who stay begin a new key. */
  async removeMember(conversationId: Id, userId: Id): Promise<void> {
    await call("DELETE /conversations/:id/members/:userId", { params: { id: conversationId, userId } });
    if (userId === this.me) return this.store.set((state) => withoutConversation(state, conversationId));
    await this.keeper.settle(conversationId);
  }

  async devices(): Promise<Device[]> {
    return (await call("GET /devices", {})).devices;
  }

  async revoke(sessionId: Id): Promise<void> {
    await call("DELETE /devices/:sessionId", { params: { sessionId } });
  }

  async leave(): Promise<void> {
    this.outbox.stop();
    await signOut();
    this.ended(false);
  }

  /** Show why something failed, in the page instead of the console. */
  attempt(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (error instanceof SignedOut) this.end();
      else this.notify(messageOf(error));
    });
  }

  notify(notice: string | null): void {
    this.store.set((state) => ({ ...state, notice }));
  }

  private end(): void {
    this.outbox.stop();
    this.ended(true);
  }

  private put(conversation: Conversation, keys: readonly PublicKey[]): void {
    for (const key of keys) this.keys.set(key.userId, key);
    this.store.set((state) => withConversation(state, conversation));
  }
}
