// The models are generated, one file for each login, and checked by `chatschema models --check` (tests/example). Their types are too:
// Sequelize's own would have to be written by hand.
import type { Model, ModelStatic, Sequelize } from "sequelize";
import appModels from "./app.cjs";
import type * as types from "./types";
import workerModels from "./worker.cjs";

type Of<Row extends object, New extends object> = ModelStatic<Model<Row, New> & Row>;

interface AppModels {
  AuthSession: Of<types.AuthSession, types.AuthSession>;
  Conversation: Of<types.Conversation, types.NewConversation>;
  ConversationParticipant: Of<types.ConversationParticipant, types.NewConversationParticipant>;
  Message: Of<types.Message, types.NewMessage>;
  MessageStatus: Of<types.MessageStatus, types.NewMessageStatus>;
  UserPublicKey: Of<types.UserPublicKey, types.NewUserPublicKey>;
}

/** What the worker may see of these tables is less; what this application uses is there. */
interface WorkerModels {
  AuditLog: Of<object, Record<string, unknown>>;
  ConversationParticipant: Of<types.ConversationParticipant, never>;
  Message: Of<Pick<types.Message, "id" | "conversation_id" | "sender_id">, never>;
  MessageStatus: Of<types.MessageStatus, types.NewMessageStatus>;
}

export const defineApp = (sequelize: Sequelize): AppModels => appModels(sequelize);
export const defineWorker = (sequelize: Sequelize): WorkerModels => workerModels(sequelize);
export type { SchemaError } from "./types";
export { SCHEMA_ERRORS } from "./types";
