// The specification's calls, as it prints them, on a migrated and seeded database. Prints what they returned, as JSON.
const { Sequelize } = require("sequelize");
const { define } = require("./models");

const run = async () => {
  const sequelize = new Sequelize(process.env.DATABASE_URL, { dialect: "postgres", logging: false });
  const { User, AuthSession, UserPublicKey, Conversation, ConversationParticipant, Message, MessageStatus, AuditLog } = define(sequelize);
  const alice = await User.findOne({ where: { username: "alice" } });
  const bob = await User.findOne({ where: { username: "bob" } });
  const place = await Conversation.findOne({ where: { title: "Everybody" } });

  const data = { conversationId: place.id, senderId: alice.id, encryptedContent: "c2VjcmV0", type: "text" };
  const message = await Message.create({
    conversation_id: data.conversationId,
    sender_id: data.senderId,
    content_encrypted: data.encryptedContent,
    message_type: data.type,
  });

  const process_ = async ({ messageId, userId, status }) => MessageStatus.upsert({
    message_id: messageId,
    user_id: userId,
    status: status,
    delivered_at: status === "delivered" ? new Date() : null,
    read_at: status === "read" ? new Date() : null,
  });
  const states = [];
  for (const status of ["delivered", "read", "delivered", "read"]) {
    await process_({ messageId: message.id, userId: bob.id, status });
    const row = await MessageStatus.findOne({ where: { message_id: message.id, user_id: bob.id } });
    states.push({ status: row.status, delivered: row.delivered_at !== null, read: row.read_at !== null });
  }

  const user = await User.findByPk(alice.id, {
    include: [
      { model: AuthSession, as: "authSessions" },
      { model: UserPublicKey, as: "publicKeys" },
      { model: ConversationParticipant, as: "conversationParticipants" },
    ],
  });
  const conversation = await Conversation.findByPk(place.id, {
    include: [
      { model: Message, as: "messages" },
      { model: ConversationParticipant, as: "participants" },
    ],
  });

  const entry = await AuditLog.create({
    user_id: alice.id,
    action: "message.send",
    resource_type: "message",
    resource_id: message.id,
    ip_address: "::ffff:127.0.0.1",
    user_agent: "node",
    severity: "info",
  });
  const page = await Message.findAll({ where: { conversation_id: place.id }, order: [["created_at", "DESC"]], limit: 50 });
  await sequelize.close();

  console.log(JSON.stringify({
    message: { id: message.id, created_at: message.created_at, content: message.content_encrypted.toString() },
    states,
    user: {
      sessions: user.authSessions.length, keys: user.publicKeys.length, participations: user.conversationParticipants.length,
    },
    conversation: { messages: conversation.messages.length, participants: conversation.participants.length },
    audit: { id: entry.id, created_at: entry.created_at },
    newest: page[0].id,
    page: page.length,
  }));
};

run().catch((error) => { console.error(error); process.exit(1); });
