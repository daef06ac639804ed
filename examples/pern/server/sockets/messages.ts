// Sending, editing and deleting. The handler of `send_message` is the specification's; what differs is said at each line.
import { literal } from "sequelize";
import type { Id, Message as Sent } from "../../shared/protocol";
import { asUser, type Actor } from "../acting";
import { changed } from "../cache/changes";
import * as topics from "../cache/topics";
import { structuresOf } from "../conversations";
import { Message } from "../database";
import { failure, Refused } from "../errors";
import * as input from "../input";
import { toMessage } from "../message";
import type * as types from "../models/types";
import { presence } from "../presence";
import { report } from "../queue";
import { answering } from "./answer";
import type { ChatSocket } from "./index";

type Input = Record<string, unknown>;

export function onMessages(socket: ChatSocket): void {
  const { actor } = socket.data;

  socket.on("send_message", (data, answer) =>
    answering("send_message", answer, async () => {
      const conversationId = input.id(data?.conversationId, "conversationId");
      // Save message to database
      const message = await store(actor, {
        id: input.id(data.id, "id"), // the browser's, so that a repeated call is the same message
        conversation_id: conversationId,
        sender_id: actor.id, // not what the browser says
        ...content(data as unknown as Input),
        sender_key_id: input.optional(data.senderKeyId, "senderKeyId", input.id) ?? null,
        message_type: (input.optional(data.type, "type", input.text) ?? "text") as types.Message["message_type"],
        reply_to_id: input.optional(data.replyToId, "replyToId", input.id) ?? null,
      });
      // Broadcast to conversation participants
      socket.to(conversationId).emit("new_message", message); // the whole message: its nonce and key version are needed
      await changed(topics.messages(conversationId), topics.written(actor.id));
      void reportDelivered(actor, message).catch(() => {});
      return { message };
    }),
  );

  socket.on("edit_message", (data, answer) =>
    answering("edit_message", answer, async () => {
      const [conversationId, id] = [input.id(data?.conversationId, "conversationId"), input.id(data.messageId, "messageId")];
      const message = await update(actor, conversationId, id, { ...content(data as unknown as Input), edited_at: new Date(), ...HISTORY });
      return announce(socket, message);
    }),
  );

  socket.on("delete_message", (data, answer) =>
    answering("delete_message", answer, async () => {
      const [conversationId, id] = [input.id(data?.conversationId, "conversationId"), input.id(data.messageId, "messageId")];
      const gone = { is_deleted: true, deleted_at: new Date(), deleted_by: actor.id, content_encrypted: null, content_nonce: null, edit_history: [] };
      return announce(socket, await update(actor, conversationId, id, gone));
    }),
  );

  socket.on("typing", (data) => {
    const conversationId = String(data?.conversationId);
    if (socket.rooms.has(conversationId)) socket.volatile.to(conversationId).emit("typing", { conversationId, userId: actor.id });
  });
}

const content = (data: Input) => ({
  content_encrypted: input.bytes(data["encryptedContent"], "encryptedContent"),
  content_nonce: input.bytes(data["nonce"], "nonce"),
  content_algorithm: input.text(data["algorithm"], "algorithm"),
  key_version: input.integer(data["keyVersion"], "keyVersion"),
});

// What an edit replaces is kept, as a legal hold asks for (docs/explanation/holds.md): the last 50 versions.
const HISTORY = {
  edit_count: literal("edit_count + 1"),
  edit_history: literal(`(case when jsonb_array_length(edit_history) > 49 then edit_history - 0 else edit_history end) || jsonb_build_array(
    jsonb_build_object('content', translate(encode(content_encrypted, 'base64'), e'\\n', ''), 'nonce', translate(encode(content_nonce, 'base64'), e'\\n', ''),
      'algorithm', content_algorithm, 'key_version', key_version, 'sender_key_id', sender_key_id, 'until', now()))`),
};

async function store(actor: Actor, values: types.NewMessage & { id: Id }): Promise<Sent> {
  try {
    const row = await asUser(actor, () => Message.create(values));
    return toMessage(row.get(), []);
  } catch (error) {
    const { code, name } = failure(error);
    if (code !== "23505" || name !== "messages_pkey") throw error;
    // The id is stored already: the answer to the first call was lost. Somebody else's message is not shown.
    const row = await asUser(actor, () => Message.findByPk(values.id));
    if (row?.sender_id !== actor.id || row.conversation_id !== values.conversation_id) throw error;
    return toMessage(row.get(), []);
  }
}

async function update(actor: Actor, conversationId: Id, id: Id, values: object): Promise<Sent> {
  const row = await asUser(actor, async () => {
    const where = { id, conversation_id: conversationId };
    const before = await Message.findOne({ where });
    // Deleted already, perhaps by the call whose answer was lost.
    if (before?.is_deleted && "is_deleted" in values) return before;
    const [, rows] = await Message.update(values, { where, returning: true });
    return rows[0];
  });
  if (!row) throw new Refused(404, "not_found", "there is no such message");
  return toMessage(row.get(), []);
}

async function announce(socket: ChatSocket, message: Sent): Promise<{ message: Sent }> {
  socket.to(message.conversationId).emit("message_changed", message);
  await changed(topics.messages(message.conversationId), topics.written(socket.data.actor.id));
  return { message };
}

/** Report the delivery to those who are online: they have it now. */
async function reportDelivered(actor: Actor, { id, conversationId }: Sent): Promise<void> {
  const structure = (await structuresOf(actor, [conversationId])).get(conversationId);
  const others = (structure?.members ?? []).filter(({ hasLeft, userId }) => !hasLeft && userId !== actor.id).map(({ userId }) => userId);
  const online = await presence.online(others);
  await Promise.all(online.map((userId) => report({ messageId: id, conversationId, userId, status: "delivered" })));
}
