// The keys of all conversations: opens what was wrapped for this user, and sees that each member gets what is due.
import type { Conversation, Id, PublicKey } from "../../../shared/protocol.js";
import { EMPTY, type Identity, isTorn, isWhole, newest, openRing, type Ring, type Share, shareDue } from "../crypto/index.js";
import { Refused } from "../net/errors.js";
import type { Answer } from "../net/http.js";

const TRIES = 5;
const PAUSE_MS = 300;

export interface KeyService {
  me: Id;
  identity: Identity;
  fetch(id: Id): Promise<Answer<"GET /conversations/:id">>;
  share(id: Id, share: Share): Promise<Id[]>;
  /** What the page knows of the conversation has changed. */
  put(conversation: Conversation, keys: PublicKey[]): void;
}

export class Keeper {
  private readonly opened = new Map<string, Ring | null>();
  private readonly running = new Map<Id, Promise<Ring | null>>();

  constructor(private readonly service: KeyService) {}

  /** The keys that are wrapped for me, as far as the page knows. */
  ringOf({ wrappedKeys }: Conversation): Ring | null {
    if (wrappedKeys === null) return null;
    if (!this.opened.has(wrappedKeys)) this.opened.set(wrappedKeys, openRing(wrappedKeys, this.service.identity));
    return this.opened.get(wrappedKeys) ?? null;
  }

  /** Whether somebody who has the keys has something to do: a key is due, or a member has none. */
  isDue(conversation: Conversation): boolean {
    const mine = newest(this.ringOf(conversation) ?? EMPTY);
    return mine < conversation.keyVersion || conversation.members.some((member) => !member.hasLeft && (member.keyVersion ?? 0) < mine);
  }

  /** The keys to send with, after sharing what is due; null where another member has to share them first. */
  settle(id: Id): Promise<Ring | null> {
    const begun = this.running.get(id) ?? this.shareWhatIsDue(id).finally(() => this.running.delete(id));
    this.running.set(id, begun);
    return begun;
  }

  private async shareWhatIsDue(id: Id): Promise<Ring | null> {
    let tornVersion = 0;
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const { conversation, keys } = await this.service.fetch(id);
      this.service.put(conversation, keys);
      const ring = this.ringOf(conversation);
      const share = shareDue(conversation, keys, ring, tornVersion === conversation.keyVersion);
      if (share === "wait") return null;
      if (share === null) return ring;
      const stored = await this.store(id, share);
      if (isWhole(share, stored)) {
        this.service.put(this.asShared(conversation, share), keys);
        return share.ring;
      }
      // Another browser was first: its keys count. Where each was first for some members, the next version makes them equal.
      if (isTorn(share, stored)) tornVersion = share.version;
      await new Promise((done) => setTimeout(done, attempt * PAUSE_MS * (0.5 + Math.random())));
    }
    return null;
  }

  /** Return those for whom the keys were stored. Nobody, if a member left meanwhile or began the next version. */
  private async store(id: Id, share: Share): Promise<Id[]> {
    try {
      return await this.service.share(id, share);
    } catch (error) {
      if (error instanceof Refused && error.status < 500 && error.status !== 401) return [];
      throw error;
    }
  }

  private asShared(conversation: Conversation, { version, wrapped }: Share): Conversation {
    const has = new Set(wrapped.map(({ userId }) => userId));
    return {
      ...conversation,
      keyVersion: version,
      wrappedKeys: wrapped.find(({ userId }) => userId === this.service.me)?.wrappedKeys ?? conversation.wrappedKeys,
      wrappedKeysVersion: version,
      members: conversation.members.map((member) => (has.has(member.userId) ? { ...member, keyVersion: version } : member)),
    };
  }
}
