// A message as ciphertext. Where it belongs is authenticated with it: moved to another place, version or sender, it cannot be opened.
import type { Base64, Id, Message } from "../../../shared/protocol.js";
import { newest, type Ring } from "./ring.js";
import { fromBase64, sodium, toBase64 } from "./sodium.js";

export const ALGORITHM = "xchacha20poly1305-ietf";
/** Texts are filled up to a multiple of this many bytes, so that a length tells less. */
const BLOCK = 32;

export interface Place {
  conversationId: Id;
  senderId: Id;
  messageId: Id;
}

export interface Ciphertext {
  encryptedContent: Base64;
  nonce: Base64;
  algorithm: string;
  keyVersion: number;
}

export type Reading = { text: string; failure: null } | { text: null; failure: string };

const placeOf = ({ conversationId, senderId, messageId }: Place, version: number): string =>
  [conversationId, senderId, messageId, version].join("|");

/** Encrypt under the newest key of the ring. */
export function encryptText(text: string, ring: Ring, place: Place): Ciphertext {
  const version = newest(ring);
  const key = ring.keys.get(version);
  if (!key) throw new Error("There is no key for this conversation yet.");
  const nonce = sodium.randombytes_buf(sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
  const padded = sodium.pad(sodium.from_string(text), BLOCK);
  const content = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(padded, placeOf(place, version), null, nonce, key);
  return { encryptedContent: toBase64(content), nonce: toBase64(nonce), algorithm: ALGORITHM, keyVersion: version };
}

const failed = (failure: string): Reading => ({ text: null, failure });

/** Decrypt a message, or tell why that is not possible. */
export function readMessage(message: Message, ring: Ring | null): Reading {
  const { content, nonce, keyVersion, senderId } = message;
  if (!content || !nonce || !keyVersion || !senderId) return failed("This message has no content.");
  if (message.algorithm !== ALGORITHM) return failed(`This message is encrypted with ${message.algorithm}, which this page does not know.`);
  const key = ring?.keys.get(keyVersion);
  if (!key) return failed(`This message cannot be decrypted: you have no key ${keyVersion} of this conversation.`);
  const place = placeOf({ conversationId: message.conversationId, senderId, messageId: message.id }, keyVersion);
  try {
    const padded = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, fromBase64(content), place, fromBase64(nonce), key);
    return { text: sodium.to_string(sodium.unpad(padded, BLOCK)), failure: null };
  } catch {
    return failed("This message cannot be decrypted: its content was changed, or it does not belong here.");
  }
}
