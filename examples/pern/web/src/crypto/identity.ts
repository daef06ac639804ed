// The key pair of a user, the same on each device. Others wrap keys of conversations for its public half.
import type { Base64 } from "../../../shared/protocol.js";
import { fromBase64, sodium, toBase64 } from "./sodium.js";

export interface Identity {
  publicKey: Uint8Array;
  privateKey: Uint8Array;
}

export function identityOf(seed: Uint8Array): Identity {
  const { publicKey, privateKey } = sodium.crypto_box_seed_keypair(seed);
  return { publicKey, privateKey };
}

export const publicHalf = (identity: Identity): Base64 => toBase64(identity.publicKey);

/** 30 digits that two people can compare by telephone: a server that hands out false public keys is found out. */
export function safetyNumber(publicKey: Base64): string {
  const hash = sodium.crypto_generichash(24, fromBase64(publicKey), null);
  const view = new DataView(hash.buffer, hash.byteOffset, hash.byteLength);
  const groups = Array.from({ length: 6 }, (_, at) => (view.getUint32(4 * at) % 100_000).toString().padStart(5, "0"));
  return groups.join(" ");
}
