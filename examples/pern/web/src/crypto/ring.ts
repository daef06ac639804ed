// The keys of a conversation, one a version. A member who leaves knows the old ones, so the next message gets a new one.
import type { Base64, Id } from "../../../shared/protocol.js";
import type { Identity } from "./identity.js";
import { fromBase64, sodium, toBase64 } from "./sodium.js";

/** The schema stores at most 8,192 bytes for a member. */
const MOST_BYTES = 8192;

export interface Ring {
  readonly keys: ReadonlyMap<number, Uint8Array>;
  /** First version for members who joined later. Whoever is not named has been a member from the beginning. */
  readonly since: ReadonlyMap<Id, number>;
}

export const EMPTY: Ring = { keys: new Map(), since: new Map() };

/** The newest version in the ring, 0 without any. */
export const newest = (ring: Ring): number => Math.max(0, ...ring.keys.keys());

/** The ring with a new random key. Newcomers get no earlier one. */
export function withNewKey(ring: Ring, version: number, newcomers: readonly Id[]): Ring {
  const keys = new Map(ring.keys).set(version, sodium.crypto_aead_xchacha20poly1305_ietf_keygen());
  const since = new Map(ring.since);
  // A founding member needs no entry: there is no earlier key.
  if (ring.keys.size > 0) for (const user of newcomers) since.set(user, version);
  return { keys, since };
}

/** Those keys that the member may have. */
export function partOf(ring: Ring, user: Id): Ring {
  const first = ring.since.get(user) ?? 0;
  return { keys: new Map([...ring.keys].filter(([version]) => version >= first)), since: ring.since };
}

/** Wrap the ring for the owner of a public key. Where there is not enough room, the oldest keys are left out. */
export function sealRing(ring: Ring, publicKey: Base64): Base64 {
  const versions = [...ring.keys].sort(([one], [other]) => one - other);
  for (;;) {
    const keys = Object.fromEntries(versions.map(([version, key]) => [version, toBase64(key)]));
    const sealed = sodium.crypto_box_seal(JSON.stringify({ keys, since: Object.fromEntries(ring.since) }), fromBase64(publicKey));
    if (sealed.length <= MOST_BYTES) return toBase64(sealed);
    if (versions.length <= 1) throw new Error("The conversation has too many members for one wrapped key.");
    versions.shift();
  }
}

/** Open what was wrapped for this identity; null where it is damaged or was wrapped for another one. */
export function openRing(wrapped: Base64, identity: Identity): Ring | null {
  try {
    const text = sodium.to_string(sodium.crypto_box_seal_open(fromBase64(wrapped), identity.publicKey, identity.privateKey));
    const { keys, since } = JSON.parse(text) as { keys: Record<string, Base64>; since: Record<Id, number> };
    return {
      keys: new Map(Object.entries(keys).map(([version, key]) => [Number(version), fromBase64(key)])),
      since: new Map(Object.entries(since)),
    };
  } catch {
    return null;
  }
}
