// A transaction that failed for a passing reason is run again, whole. So the work must bear a repetition: after a connection broke in the
// middle of a commit nobody knows whether it took place.
import { setTimeout as sleep } from "node:timers/promises";
import { failure } from "./errors";

const PATIENCE_MS = 8_000;

export async function retrying<T>(work: () => Promise<T>, patience = PATIENCE_MS): Promise<T> {
  const deadline = Date.now() + patience;
  for (let pause = 20; ; pause = Math.min(pause * 2, 500)) {
    try {
      return await work();
    } catch (error) {
      if (!failure(error).isPassing || Date.now() + pause > deadline) throw error;
      await sleep(pause * (0.5 + Math.random()));
    }
  }
}
