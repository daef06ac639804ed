// Conversations, their members and keys, and pages of messages.
import { Router } from "express";
import type { Api, Id, Refusal } from "../../shared/protocol";
import { asUser, type Actor } from "../acting";
import { changed } from "../cache/changes";
import * as topics from "../cache/topics";
import { conversationOf, conversationsOf } from "../conversations";
import { ConversationParticipant, selectOne } from "../database";
import { Refused } from "../errors";
import * as input from "../input";
import { PAGE, pageOf } from "../messages";
import { auditLog } from "../middleware/audit";
import { actorOf, authenticateToken } from "../middleware/authenticate";

type Answer<Name extends keyof Api> = Api[Name]["answer"] | Refusal;

export const conversations = Router();
conversations.use("/conversations", authenticateToken);

conversations.get("/conversations", async (req, res) => {
  const answer: Answer<"GET /conversations"> = { conversations: await conversationsOf(actorOf(req)) };
  res.json(answer);
});

conversations.get("/conversations/:id", async (req, res) => {
  const answer: Answer<"GET /conversations/:id"> = await conversationOf(actorOf(req), input.id(req.params["id"], "id"));
  res.json(answer);
});

conversations.post("/conversations", async (req, res) => {
  const actor = actorOf(req);
  const members = input.list(req.body?.members, "members", input.id);
  const values = [actor.id, members, input.text(req.body?.type, "type"), input.optional(req.body?.title, "title", input.text) ?? null];
  // Repeated after a connection that broke in the middle of a commit, it may create a group twice; a direct conversation is the same again.
  const created = await asUser(actor, () =>
    selectOne<{ conversation_id: Id; is_new: boolean }>("select * from chatschema.create_conversation($1, $2::uuid[], $3, $4)", values),
  );
  const id = created.conversation_id;
  await changed(topics.conversation(id), topics.written(actor.id), ...[actor.id, ...members].map(topics.conversations));
  const answer: Answer<"POST /conversations"> = { ...(await conversationOf(actor, id)), isNew: created.is_new };
  res.status(created.is_new ? 201 : 200).json(answer);
});

conversations.put("/conversations/:id/keys", async (req, res) => {
  const actor = actorOf(req);
  const id = input.id(req.params["id"], "id");
  const version = input.integer(req.body?.version, "version");
  const wrapped = input.list(req.body?.wrapped, "wrapped", (one) => {
    const given = (one ?? {}) as Record<string, unknown>;
    return [input.id(given["userId"], "userId"), input.bytes(given["wrappedKeys"], "wrappedKeys"), input.id(given["publicKeyId"], "publicKeyId")] as const;
  }).sort(([one], [other]) => (one < other ? -1 : 1)); // rows are locked in one order: two who share at once do not block each other
  const shared = await asUser(actor, async () => {
    const stored: Id[] = [];
    for (const [userId, keys, publicKeyId] of wrapped) {
      const values = [id, userId, keys, version, publicKeyId];
      const query = "select chatschema.share_key($1, $2, $3, $4, 'x25519-sealed-box', public_key_id => $5) as stored";
      if ((await selectOne<{ stored: boolean }>(query, values)).stored) stored.push(userId);
    }
    return stored;
  });
  await changed(topics.conversation(id), topics.written(actor.id), ...shared.map(topics.conversations));
  const answer: Answer<"PUT /conversations/:id/keys"> = { shared };
  res.json(answer);
});

conversations.post("/conversations/:id/members", auditLog("participant.add", "conversation"), async (req, res) => {
  const actor = actorOf(req);
  const [id, userId] = [input.id(req.params["id"], "id"), input.id(req.body?.userId, "userId")];
  await asUser(actor, () => add(id, userId));
  await changedMembers(actor, id, userId);
  const answer: Answer<"POST /conversations/:id/members"> = { conversation: (await conversationOf(actor, id)).conversation };
  res.json(answer);
});

/** In a transaction: let a user take part, also one who had left. Row policies and triggers know who may. */
async function add(conversationId: Id, userId: Id): Promise<void> {
  const row = await ConversationParticipant.findOne({ where: { conversation_id: conversationId, user_id: userId } });
  if (row?.left_at) await ConversationParticipant.update({ left_at: null }, { where: { conversation_id: conversationId, user_id: userId } });
  else if (!row) await ConversationParticipant.create({ conversation_id: conversationId, user_id: userId });
}

conversations.delete("/conversations/:id/members/:userId", auditLog("participant.remove", "conversation"), async (req, res) => {
  const actor = actorOf(req);
  const [id, userId] = [input.id(req.params["id"], "id"), input.id(req.params["userId"], "userId")];
  const [removed] = await asUser(actor, () =>
    ConversationParticipant.update({ left_at: new Date() }, { where: { conversation_id: id, user_id: userId, left_at: null } }),
  );
  await changedMembers(actor, id, userId);
  if (removed === 0) throw new Refused(404, "not_found", "there is no such member");
  res.json({});
});

// The member's wrapped key is gone, or another one is due: the event lets all members know.
const changedMembers = (actor: Actor, id: Id, userId: Id) => changed(topics.conversation(id), topics.conversations(userId), topics.written(actor.id));

conversations.get("/conversations/:id/messages", async (req, res) => {
  const before = input.optional(req.query["before"], "before", input.id) ?? null;
  const limit = Math.min(Math.max(input.optional(req.query["limit"], "limit", input.integer) ?? PAGE, 1), PAGE);
  const answer: Answer<"GET /conversations/:id/messages?before=&limit="> = {
    messages: await pageOf(actorOf(req), input.id(req.params["id"], "id"), before, limit),
  };
  res.json(answer);
});
