// The worker: writes delivery statuses from the queue, follows the events of the database, and reports users whose process was killed.
import { writeFileSync } from "node:fs";
import { Announcer } from "./cache/announcer";
import { changed } from "./cache/changes";
import { EventReader } from "./cache/reader";
import * as topics from "./cache/topics";
import { config } from "./config";
import { forWorker } from "./database";
import { logFailure } from "./errors";
import { presence, RENEW_MS } from "./presence";
import { messageQueue, store } from "./queue";
import { retrying } from "./retry";

const announcer = new Announcer();

// Process message delivery
messageQueue.process("delivery", 4, async ({ data }) => {
  await retrying(() => store(data));
  await changed(topics.marks(data.conversationId));
  announcer.status(data.conversationId, data.messageId, data.userId, data.status);
});
messageQueue.on("failed", (_job, error) => logFailure("delivery", error));

async function reportVanished(): Promise<void> {
  for (const userId of await presence.vanished()) {
    const rows = await forWorker.ConversationParticipant.findAll({ where: { user_id: userId, left_at: null }, attributes: ["conversation_id"] });
    announcer.presence(rows.map((row) => row.conversation_id), userId, false);
  }
}
setInterval(() => void reportVanished().catch(() => {}), RENEW_MS);

let isReady = false;
const reader = new EventReader(announcer, () => {
  if (!isReady && config.readyFile) writeFileSync(config.readyFile, "");
  isReady = true;
});
process.on("SIGTERM", () => {
  reader.stop();
  void messageQueue.close().finally(() => process.exit(0));
});
void reader.run();
