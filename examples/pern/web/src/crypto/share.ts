// Who needs which keys. Each browser comes to the same answer, and the database takes the first: `share_key` never replaces a version.
import type { Base64, Conversation, Id, PublicKey } from "../../../shared/protocol.js";
import { EMPTY, newest, partOf, type Ring, sealRing, withNewKey } from "./ring.js";

export interface Share {
  ring: Ring;
  version: number;
  /** The version is new. Otherwise members who lack a version that others have are given it. */
  isNew: boolean;
  wrapped: { userId: Id; publicKeyId: Id; wrappedKeys: Base64 }[];
}

/**
 * Return what to share now: null if everybody has the newest key, "wait" if others have one and I do not.
 * `ring` is what was wrapped for me; `isTorn` asks for a new key, because two browsers shared different ones of the same version.
 */
export function shareDue(conversation: Conversation, keys: readonly PublicKey[], ring: Ring | null, isTorn = false): Share | "wait" | null {
  const known = new Map(keys.map((key) => [key.userId, key]));
  const members = conversation.members.filter((member) => !member.hasLeft && known.has(member.userId));
  const isShared = (version: number): boolean => members.some((member) => (member.keyVersion ?? 0) >= version);
  const mine = newest(ring ?? EMPTY);
  // Of a version there is one key: somebody who has it must give it to me.
  if (mine < conversation.keyVersion && isShared(mine === 0 ? 1 : conversation.keyVersion)) return "wait";

  const newcomers = members.filter((member) => member.keyVersion === null).map((member) => member.userId);
  const isBehind = members.some((member) => member.keyVersion !== null && member.keyVersion < mine);
  const isNew = mine < conversation.keyVersion || newcomers.length > 0 || isTorn;
  if (!isNew && !isBehind) return null;

  // Who joins gets a new key, so that with it no earlier message can be read.
  const version = isNew ? Math.max(conversation.keyVersion, mine + 1) : mine;
  const shared = isNew ? withNewKey(ring ?? EMPTY, version, newcomers) : (ring ?? EMPTY);
  const wrapped = members.map(({ userId }) => {
    const key = known.get(userId) as PublicKey;
    return { userId, publicKeyId: key.id, wrappedKeys: sealRing(partOf(shared, userId), key.publicKey) };
  });
  return { ring: shared, version, isNew, wrapped };
}

/** Whether everybody has the key that was shared; otherwise fetch the conversation again, as another browser was first. */
export const isWhole = (share: Share, stored: readonly Id[]): boolean => share.wrapped.every(({ userId }) => stored.includes(userId));

/** Whether some members have this key and some the key of another browser: then the next one is due. */
export const isTorn = (share: Share, stored: readonly Id[]): boolean => share.isNew && stored.length > 0 && !isWhole(share, stored);
