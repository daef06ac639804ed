// The caches of the application, and what makes them right:
// - A look returns values and the floor below which a standby is too old. Without Redis, or while the reader of events is behind, it
//   returns neither, and the caller reads the primary.
// - A value that was read is stored only if no floor has changed since the look.
// - Whoever commits a change removes the values and raises the floors before answering; what fails is tried until it succeeds, and until
//   then this process trusts no cache. A process that dies in between is covered by the events.
import { isBehind } from "./changes";
import { printable } from "./lsn";
import { store } from "./store";

export interface Look {
  /** A standby must have replayed this; null: read the primary. */
  floor: string | null;
  /** Null: not cached, or not to be trusted. */
  value(topic: string): string | null;
  /** Keep what was read after this look. */
  store(topic: string, value: unknown, ttlMs: number): void;
}

const NOTHING: Look = { floor: null, value: () => null, store: () => {} };

/** Look at topics at once; `fields` names a part of a topic that has several. */
export async function look(topics: string[], fields: Record<string, string> = {}): Promise<Look> {
  const runId = store.runId;
  if (runId === null || isBehind()) return NOTHING;
  const wanted = topics.map((topic) => ({ topic, field: fields[topic] ?? "all" }));
  const found = await store.look(wanted).catch(() => null);
  if (found === null || found[0] !== `${runId} ${found[1]}` || isBehind()) return NOTHING;
  const [lease = "", , ofAll = "", ...rest] = found;
  const at = new Map(wanted.map(({ topic, field }, i) => [topic, { field, floor: rest[2 * i] ?? "", value: rest[2 * i + 1] ?? null }]));
  const highest = [ofAll, ...[...at.values()].map(({ floor }) => floor.slice(0, 16))].sort().at(-1) ?? "";
  return {
    floor: printable(highest),
    value: (topic) => at.get(topic)?.value ?? null,
    store: (topic, value, ttlMs) => {
      const seen = at.get(topic);
      if (seen) void store.store(lease, seen.floor, topic, seen.field, JSON.stringify(value), ttlMs).catch(() => {});
    },
  };
}
