// UUIDv7: the time in milliseconds, then a counter, then random bits. The id of a message decides its month and its order.
import type { Id } from "../../../shared/protocol.js";

const MOST = 0xfff;

/** Return a function that makes ids, each greater than the one before, also within a millisecond or when the clock is set back. */
export function idMaker(now: () => number = Date.now): () => Id {
  let time = 0;
  let count = 0;
  return () => {
    const present = Math.floor(now());
    if (present > time || count === MOST) [time, count] = [Math.max(present, time + 1), 0];
    else count += 1;
    const stamp = hex(time, 12);
    const random = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => hex(byte, 2)).join("");
    const variant = ((Number.parseInt(random.charAt(0), 16) & 3) | 8).toString(16);
    return `${stamp.slice(0, 8)}-${stamp.slice(8)}-7${hex(count, 3)}-${variant}${random.slice(1, 4)}-${random.slice(4)}`;
  };
}

/** When an id was made, in milliseconds since 1970. */
export const timeOf = (id: Id): number => Number.parseInt(id.replace("-", "").slice(0, 12), 16);

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
