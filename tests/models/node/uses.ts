// What compiles, and what must not, with the models of chat_app.
import type { Insertable, Kysely } from "kysely";
import * as drizzle from "./drizzle.js";
import type { Database, MessageChange, NewMessage as NewKysely } from "./kysely.js";
import type { Message, MessageStatus, NewMessage, NewMessageStatus } from "./typescript.js";

const message: NewMessage = { conversation_id: "c", sender_id: "u", content_encrypted: Buffer.from("x"), key_version: 1 };
const status: NewMessageStatus = { message_id: "m", user_id: "u", status: "read", delivered_at: null, read_at: new Date() };
// @ts-expect-error The conversation is required.
const without: NewMessage = { sender_id: "u" };
// @ts-expect-error Nobody chooses it.
const chosen: NewMessage = { conversation_id: "c", updated_at: new Date() };
// @ts-expect-error The role may not insert it.
const edited: NewMessage = { conversation_id: "c", edited_at: new Date() };
// @ts-expect-error No such status.
const wrong: NewMessageStatus = { message_id: "m", user_id: "u", status: "seen" };
// @ts-expect-error A list for a json column is sent as text.
const list: NewMessage = { conversation_id: "c", edit_history: [{ a: 1 }] };
export const text = (row: Message, of: MessageStatus): string => row.id + (row.content_encrypted?.toString("base64") ?? "") + of.status;
// @ts-expect-error A bigint arrives as a string.
export const size = (row: import("./typescript.js").Attachment): number => row.size_bytes;
// @ts-expect-error The role may not read it.
export const secret = (row: import("./typescript.js").User): unknown => row.password_hash;

const change: MessageChange = { edited_at: new Date(), edit_count: 1 };
// @ts-expect-error A message stays where it is.
const moved: MessageChange = { conversation_id: "c" };
const created: NewKysely = { conversation_id: "c", sender_id: "u" };
// @ts-expect-error Nobody chooses it.
const stamped: Insertable<Database["messages"]> = { conversation_id: "c", updated_at: new Date() };
export const read = (db: Kysely<Database>): Promise<{ id: string; status: "sent" | "failed" | "delivered" | "read" }[]> =>
  db.selectFrom("messages").innerJoin("message_statuses", "message_id", "id").select(["id", "status"]).execute();

const row: drizzle.NewMessage = { conversation_id: "c", sender_id: "u" };
// @ts-expect-error The role may not insert it.
const deleted: drizzle.NewMessage = { conversation_id: "c", deleted_at: new Date() };
// @ts-expect-error A bigint is a bigint.
export const bytes = (of: drizzle.Attachment): number => of.size_bytes;

export const used = [message, status, without, chosen, edited, wrong, list, change, moved, created, stamped, row, deleted];
