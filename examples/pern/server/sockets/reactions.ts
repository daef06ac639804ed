// Reactions and read marks. No event announces them, so they are in no cache: only the floors rise, so that a standby is asked only when
// it has them.
import type { Id } from "../../shared/protocol";
import { asUser } from "../acting";
import { changed } from "../cache/changes";
import * as topics from "../cache/topics";
import { ConversationParticipant, MessageStatus, select } from "../database";
import { Refused } from "../errors";
import * as input from "../input";
import { report } from "../queue";
import { answering } from "./answer";
import type { ChatSocket } from "./index";

interface Reacting {
  conversationId: Id;
  messageId: Id;
  reaction: string;
}

export function onReactions(socket: ChatSocket): void {
  const { actor } = socket.data;

  const react = async (how: "add_reaction" | "remove_reaction", data: Reacting) => {
    const [conversationId, messageId] = [input.id(data?.conversationId, "conversationId"), input.id(data.messageId, "messageId")];
    // By the functions of the schema: two devices that write the whole list would lose one.
    const reactions = await asUser(actor, async () => {
      await select(`select chatschema.${how}($1, $2, $3)`, [messageId, actor.id, input.text(data.reaction, "reaction")]);
      const row = await MessageStatus.findOne({ where: { message_id: messageId, user_id: actor.id, conversation_id: conversationId } });
      return row?.reactions ?? [];
    });
    socket.to(conversationId).emit("reaction", { conversationId, messageId, userId: actor.id, reactions });
    await changed(topics.marks(conversationId), topics.written(actor.id));
    return { reactions };
  };
  socket.on("add_reaction", (data, answer) => answering("add_reaction", answer, () => react("add_reaction", data)));
  socket.on("remove_reaction", (data, answer) => answering("remove_reaction", answer, () => react("remove_reaction", data)));

  socket.on("read", (data, answer) =>
    answering("read", answer, async () => {
      const [conversationId, messageId] = [input.id(data?.conversationId, "conversationId"), input.id(data.messageId, "messageId")];
      const where = { conversation_id: conversationId, user_id: actor.id, left_at: null };
      // The database keeps the later of both marks.
      const [found] = await asUser(actor, () => ConversationParticipant.update({ last_read_message_id: messageId }, { where }));
      if (found === 0) throw new Refused(404, "not_found", "there is no such conversation");
      socket.to(conversationId).emit("read", { conversationId, userId: actor.id, messageId });
      await changed(topics.marks(conversationId), topics.written(actor.id));
      await report({ messageId, conversationId, userId: actor.id, status: "read" });
      return {};
    }),
  );
}
