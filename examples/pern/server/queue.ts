// The queue of delivery statuses, as in the specification. It is filled by the API and emptied by the worker.
import Queue from "bull";
import { setTimeout as sleep } from "node:timers/promises";
import { forWorker } from "./database";
import { failure } from "./errors";
import { patient } from "./redis";

export interface Delivery {
  messageId: string;
  conversationId: string;
  userId: string;
  status: "delivered" | "read";
}

const { MessageStatus } = forWorker;

export const messageQueue = new Queue<Delivery>("message processing", {
  // Connections that wait for Redis instead of failing, which is what Bull asks for.
  createClient: () => patient(),
  defaultJobOptions: { attempts: 10, backoff: { type: "exponential", delay: 200 }, removeOnComplete: true, removeOnFail: 100 },
});
messageQueue.on("error", () => {}); // Redis is away; it comes back by itself

/** Process message delivery: the specification's upsert. Repeating it changes nothing, and a late 'delivered' does not undo 'read'. */
export async function store({ messageId, userId, status }: Delivery): Promise<void> {
  try {
    await MessageStatus.upsert(
      {
        message_id: messageId,
        user_id: userId,
        status: status,
        delivered_at: status === "delivered" ? new Date() : null,
        read_at: status === "read" ? new Date() : null,
      },
      { transaction: null },
    );
  } catch (error) {
    // The message was removed, or the reader never took part: nothing to report (docs/reference/errors.md).
    const { code } = failure(error);
    if (code !== "23503") throw error;
  }
}

/** Add a delivery job. Without Redis it is done here and now: a status is not lost because the queue is away. */
export async function report(delivery: Delivery): Promise<void> {
  const jobId = `${delivery.messageId}:${delivery.userId}:${delivery.status}`;
  const added = messageQueue.add("delivery", delivery, { jobId }).then(() => true, () => false);
  if (!(await Promise.race([added, sleep(500, false, { ref: false })]))) await store(delivery);
}
