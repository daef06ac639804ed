// The models of the application, as far as the specification's calls need them. The database makes the ids
// (UUIDv7) and the times, so no model declares a default for them.
const { DataTypes, literal } = require("sequelize");

const uuid = (rest = {}) => ({ type: DataTypes.UUID, ...rest });
const generated = { type: DataTypes.UUID, primaryKey: true, defaultValue: literal("chatschema.uuid7()") };
const options = (tableName, rest = {}) => ({
  tableName, timestamps: true, createdAt: "created_at", updatedAt: "updated_at", ...rest,
});

exports.define = (sequelize) => {
  const User = sequelize.define("User", {
    id: generated, username: DataTypes.TEXT, email: DataTypes.TEXT, display_name: DataTypes.TEXT, status: DataTypes.TEXT,
  }, options("users"));
  const AuthSession = sequelize.define("AuthSession", {
    id: generated, user_id: uuid(), device_name: DataTypes.TEXT, expires_at: DataTypes.DATE,
  }, options("auth_sessions"));
  const UserPublicKey = sequelize.define("UserPublicKey", {
    id: generated, user_id: uuid(), key_type: DataTypes.TEXT, public_key: DataTypes.BLOB, status: DataTypes.TEXT,
  }, options("user_public_keys"));
  const Conversation = sequelize.define("Conversation", {
    id: generated, type: DataTypes.TEXT, title: DataTypes.TEXT, created_by: uuid(),
  }, options("conversations"));
  const ConversationParticipant = sequelize.define("ConversationParticipant", {
    conversation_id: uuid({ primaryKey: true }), user_id: uuid({ primaryKey: true }), role: DataTypes.TEXT,
  }, options("conversation_participants"));
  const Message = sequelize.define("Message", {
    id: generated, conversation_id: uuid(), sender_id: uuid(), content_encrypted: DataTypes.BLOB,
    message_type: DataTypes.TEXT, reply_to_id: uuid(), is_deleted: DataTypes.BOOLEAN,
  }, options("messages"));
  const MessageStatus = sequelize.define("MessageStatus", {
    message_id: uuid({ primaryKey: true }), user_id: uuid({ primaryKey: true }), status: DataTypes.TEXT,
    delivered_at: DataTypes.DATE, read_at: DataTypes.DATE,
  }, options("message_statuses"));
  const AuditLog = sequelize.define("AuditLog", {
    id: { type: DataTypes.BIGINT, primaryKey: true, autoIncrement: true }, user_id: uuid(), action: DataTypes.TEXT,
    resource_type: DataTypes.TEXT, resource_id: DataTypes.TEXT, ip_address: DataTypes.INET, user_agent: DataTypes.TEXT,
    severity: DataTypes.TEXT,
  }, options("audit_logs", { updatedAt: false }));

  User.hasMany(AuthSession, { as: "authSessions", foreignKey: "user_id" });
  User.hasMany(UserPublicKey, { as: "publicKeys", foreignKey: "user_id" });
  User.hasMany(ConversationParticipant, { as: "conversationParticipants", foreignKey: "user_id" });
  Conversation.hasMany(Message, { as: "messages", foreignKey: "conversation_id" });
  Conversation.hasMany(ConversationParticipant, { as: "participants", foreignKey: "conversation_id" });
  return { User, AuthSession, UserPublicKey, Conversation, ConversationParticipant, Message, MessageStatus, AuditLog };
};
