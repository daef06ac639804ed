// What can go wrong between page and server: refused, which has a reason, or out of reach.
import type { Refusal } from "../../../shared/protocol.js";

export class Refused extends Error {
  readonly code: string;
  readonly constraint: string | null;
  /** The same call may succeed later. */
  readonly retry: boolean;

  constructor({ error }: Refusal, readonly status = 0) {
    super(error.message);
    this.code = error.code;
    this.constraint = error.name;
    this.retry = error.retry;
  }
}

/** No answer: the network, the server, or the time allowed for it. */
export class OutOfReach extends Error {
  constructor() {
    super("The server cannot be reached. Check the connection and try again.");
  }
}

/** The login has ended: signed out here or elsewhere, or expired. */
export class SignedOut extends Error {
  constructor() {
    super("You were signed out. Sign in again.");
  }
}

export const isRefusal = (value: unknown): value is Refusal =>
  typeof value === "object" && value !== null && typeof (value as Partial<Refusal>).error?.code === "string";

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
