// A message as the browser gets it. The server sees ciphertext: bytes in the database, Base64 on the wire.
import type { Id, Message } from "../shared/protocol";
import type * as types from "./models/types";

export type MessageRow = Pick<
  types.Message,
  | "id" | "conversation_id" | "sender_id" | "content_encrypted" | "content_nonce" | "content_algorithm" | "key_version" | "message_type"
  | "reply_to_id" | "created_at" | "edited_at" | "is_deleted"
>;
export interface ReactionRow {
  message_id: Id;
  user_id: Id;
  reactions: string[];
}

const COLUMNS = `m.id, m.conversation_id, m.sender_id, m.content_encrypted, m.content_nonce, m.content_algorithm, m.key_version, m.message_type,
  m.reply_to_id, m.created_at, m.edited_at, m.is_deleted`;
export const PAGE_OF = `select ${COLUMNS} from chatschema.page($1, $2, $3) as m`;
export const NEWEST = `select ${COLUMNS} from unnest($1::uuid[]) as c (id) cross join lateral chatschema.page(c.id, null, 1) as m`;
export const REACTIONS = `
  select s.message_id, s.user_id, s.reactions from public.message_statuses as s
  where s.message_id = any ($1::uuid[]) and s.reactions <> '{}'`;

// `res.json` would write a Buffer as an object.
const base64 = (bytes: Buffer | null) => bytes && Buffer.from(bytes).toString("base64");

export function toMessage(row: MessageRow, reactions: ReactionRow[]): Message {
  return {
    id: row.id,
    conversationId: row.conversation_id,
    senderId: row.sender_id,
    content: base64(row.content_encrypted),
    nonce: base64(row.content_nonce),
    algorithm: row.content_algorithm,
    keyVersion: row.key_version,
    type: row.message_type,
    replyToId: row.reply_to_id,
    createdAt: new Date(row.created_at).toISOString(),
    editedAt: row.edited_at && new Date(row.edited_at).toISOString(),
    isDeleted: row.is_deleted,
    reactions: reactionsOf(row.id, reactions),
  };
}

export const reactionsOf = (id: Id, reactions: ReactionRow[]) =>
  reactions.filter((row) => row.message_id === id).map((row) => ({ userId: row.user_id, reactions: row.reactions }));
