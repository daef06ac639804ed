// Pages of conversations, the newest of each from the cache.
import type { Id, Message } from "../shared/protocol";
import { reading, type Actor } from "./acting";
import { look } from "./cache/cache";
import * as topics from "./cache/topics";
import { membershipOf } from "./conversations";
import { select } from "./database";
import { PAGE_OF, REACTIONS, reactionsOf, toMessage, type MessageRow, type ReactionRow } from "./message";

const TTL_MS = 300_000;
export const PAGE = 50;

/** A page of a conversation, newest first. The newest is cached, for all who read from the same moment on; reactions never are. */
export async function pageOf(actor: Actor, conversationId: Id, before: Id | null, limit: number): Promise<Message[]> {
  const { since, hasRejoined } = await membershipOf(actor, conversationId);
  const topic = topics.messages(conversationId);
  const seen = await look([topic, topics.marks(conversationId), topics.written(actor.id)], { [topic]: since });
  // Who left and came back also sees own messages from before; nobody else has this page.
  const isCached = before === null && !hasRejoined;
  const cached = isCached ? seen.value(topic) : null;
  const { messages, reactions } = await reading(
    actor,
    seen,
    async () => {
      const messages = cached === null ? await load(conversationId, before, isCached ? PAGE : limit) : (JSON.parse(cached) as Message[]);
      return { messages, reactions: await select<ReactionRow>(REACTIONS, [messages.slice(0, limit).map(({ id }) => id)]) };
    },
    { conversationId },
  );
  if (isCached && cached === null) seen.store(topic, messages, TTL_MS);
  return messages.slice(0, limit).map((message) => ({ ...message, reactions: reactionsOf(message.id, reactions) }));
}

async function load(conversationId: Id, before: Id | null, size: number): Promise<Message[]> {
  return (await select<MessageRow>(PAGE_OF, [conversationId, before, size])).map((row) => toMessage(row, []));
}
