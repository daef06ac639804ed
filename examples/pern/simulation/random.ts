// What a browser would make: ids, ciphertext, nonces. The simulation encrypts nothing; random bytes look the same to the server.
import { randomBytes } from "node:crypto";
import type { Base64, Id } from "../shared/protocol";

/** A UUIDv7 of now. */
export function uuid7(): Id {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

export const base64 = (size: number): Base64 => randomBytes(size).toString("base64");

export interface Sealed {
  encryptedContent: Base64;
  nonce: Base64;
  algorithm: string;
  keyVersion: number;
}

/** Content for a message. The nonce is unique: it tells the versions of a message apart, and one message that was stored as two. */
export const sealed = (keyVersion: number): Sealed => ({
  encryptedContent: base64(40 + Math.floor(Math.random() * 200)),
  nonce: base64(24),
  algorithm: "xchacha20poly1305-ietf",
  keyVersion,
});

export const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(Math.random() * list.length)];
export const chance = (percent: number): boolean => Math.random() * 100 < percent;
