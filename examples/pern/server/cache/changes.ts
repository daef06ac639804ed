// After a commit: remove the values and raise the floors, in batches, since one position covers all that was committed before it.
import { setTimeout as sleep } from "node:timers/promises";
import { QueryTypes } from "sequelize";
import { worker } from "../database";
import { retrying } from "../retry";
import { sortable } from "./lsn";
import { store } from "./store";

// A request is answered before Redis knows of its change only where Redis is away, so that nobody reads from it, or where it does not answer.
const AWAY_MS = 500;
const SILENT_MS = 5_000;

interface Batch {
  topics: Set<string>;
  isOver: boolean;
  over: Promise<void>;
  end: () => void;
}

let collecting: Batch | null = null;
let isRunning = false;
// A request was answered before Redis knew of its change, because Redis or the primary is away.
let answeredAnyway = new Set<Batch>();

/** Whether changes of this process are not in Redis yet, although they were answered. */
export const isBehind = () => answeredAnyway.size > 0;

/** Where the primary's write-ahead log is now: all that has been committed is in front of it. */
export async function position(): Promise<string> {
  const [row] = await worker.query<{ lsn: string }>("select chatschema.written_lsn() as lsn", { type: QueryTypes.SELECT, transaction: null });
  if (!row) throw new Error("the primary has no position");
  return sortable(row.lsn);
}

/** To be called after the commit, and before the answer. Does not fail: what Redis does not take is tried until it does. */
export async function changed(...topics: string[]): Promise<void> {
  const batch = (collecting ??= create());
  for (const topic of topics) batch.topics.add(topic);
  void run();
  for (const started = Date.now(); !batch.isOver; ) {
    const waited = Date.now() - started;
    if (waited > (store.runId === null ? AWAY_MS : SILENT_MS)) break;
    await Promise.race([batch.over, sleep(100, undefined, { ref: false })]);
  }
  if (!batch.isOver) answeredAnyway.add(batch);
}

function create(): Batch {
  const batch = { topics: new Set<string>(), isOver: false } as Batch;
  batch.over = new Promise((resolve) => {
    batch.end = resolve;
  });
  return batch;
}

async function run(): Promise<void> {
  if (isRunning) return;
  isRunning = true;
  while (collecting !== null) {
    const batch: Batch = collecting;
    collecting = null;
    await settle(batch);
    batch.isOver = true;
    answeredAnyway.delete(batch);
    batch.end();
  }
  isRunning = false;
}

async function settle(batch: Batch): Promise<void> {
  for (;;) {
    try {
      await store.change([...batch.topics], await retrying(position));
      return;
    } catch {
      await sleep(100);
    }
  }
}
