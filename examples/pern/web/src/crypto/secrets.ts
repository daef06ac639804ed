// Two secrets from what the user types. The server gets the first and can compute neither the second nor what was typed.
import { sodium, toBase64 } from "./sodium.js";

const LABEL = "chatschema example";
const HALF = 32;

export interface Secrets {
  /** Sent as the password: 44 characters, so bcrypt, which reads 72 bytes, reads all of it. */
  password: string;
  /** Of the identity key; never leaves the browser. */
  seed: Uint8Array;
}

/** The form in which the schema stores user names. */
export const asUsername = (typed: string): string => typed.normalize("NFKC").trim().toLowerCase();

/**
 * Derive both by Argon2id, which takes 64 MiB and a few tenths of a second, so that guessing is expensive.
 * The salt is the user's name, because a new device knows nothing else before it has signed in.
 */
export function deriveSecrets(username: string, typedPassword: string): Secrets {
  const salt = sodium.crypto_generichash(sodium.crypto_pwhash_SALTBYTES, `${LABEL}\0${asUsername(username)}`, null);
  const both = sodium.crypto_pwhash(
    2 * HALF,
    typedPassword.normalize("NFKC"),
    salt,
    sodium.crypto_pwhash_OPSLIMIT_INTERACTIVE,
    sodium.crypto_pwhash_MEMLIMIT_INTERACTIVE,
    sodium.crypto_pwhash_ALG_ARGON2ID13,
  );
  return { password: toBase64(both.subarray(0, HALF)), seed: both.slice(HALF) };
}
