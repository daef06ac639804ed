// The specification's calls by logins of the application: as chat_app within a transaction that names its user, and as chat_worker.
// SEQUELIZE_EXAMPLE and PG_EXAMPLE are the manual's examples. Prints what the calls returned, as JSON.
const { Sequelize } = require("sequelize");
const { Pool } = require("pg");
const { define } = require("./models");

const { asUser } = require(process.env.SEQUELIZE_EXAMPLE);
const { withUser } = require(process.env.PG_EXAMPLE);
const { APP_URL, WORKER_URL, ALICE, BOB, PLACE } = process.env;

const refusal = async (work) => {
  try { return (await work(), "none"); } catch (error) { return error.parent?.code ?? error.code; }
};

const run = async () => {
  const app = new Sequelize(APP_URL, { dialect: "postgres", logging: false, pool: { max: 2 } });
  const worker = new Sequelize(WORKER_URL, { dialect: "postgres", logging: false });
  const { User, AuthSession, UserPublicKey, Conversation, ConversationParticipant, Message, MessageStatus, AuditLog } = define(app);
  const queue = define(worker);
  const send = (text) => Message.create({ conversation_id: PLACE, sender_id: ALICE, content_encrypted: text, message_type: "text" });

  const message = await asUser(app, ALICE, () => send("c2VjcmV0"));
  const [user, conversation, page] = await asUser(app, ALICE, async () => [
    await User.findByPk(ALICE, {
      include: [
        { model: AuthSession, as: "authSessions" },
        { model: UserPublicKey, as: "publicKeys" },
        { model: ConversationParticipant, as: "conversationParticipants" },
      ],
    }),
    await Conversation.findByPk(PLACE, {
      include: [
        { model: Message, as: "messages" },
        { model: ConversationParticipant, as: "participants" },
      ],
    }),
    await Message.findAll({ where: { conversation_id: PLACE }, order: [["created_at", "DESC"]], limit: 50 }),
  ]);

  const upsert = (model) => (status) => model.upsert({
    message_id: message.id,
    user_id: BOB,
    status: status,
    delivered_at: status === "delivered" ? new Date() : null,
    read_at: status === "read" ? new Date() : null,
  });
  await upsert(queue.MessageStatus)("delivered");
  await asUser(app, BOB, () => upsert(MessageStatus)("read"));
  const status = await asUser(app, BOB, () => MessageStatus.findOne({ where: { message_id: message.id, user_id: BOB } }));
  const entry = await queue.AuditLog.create({
    user_id: ALICE, action: "message.send", resource_type: "message", resource_id: message.id, ip_address: "::1", severity: "info",
  });

  const refused = {
    forAnother: await refusal(() => asUser(app, BOB, () => send("x"))),
    withoutUser: await refusal(() => send("x")),
    auditByTheApp: await refusal(() => asUser(app, ALICE, () => AuditLog.create({ action: "x", resource_type: "x" }))),
    contentByTheWorker: await refusal(() => queue.Message.findAll({ limit: 1 })),
  };
  // The same connections, one after the other, without a user.
  const unseen = await Promise.all(Array.from({ length: 8 }, () => Message.count()));

  const pool = new Pool({ connectionString: APP_URL, max: 1 });
  const byPg = await withUser(pool, ALICE, (client) => client.query("select count(*)::int as count from messages where id = $1", [message.id]));
  const failed = await refusal(() => withUser(pool, ALICE, (client) => client.query("select 1 / 0")));
  const after = await pool.query("select count(*)::int as count from messages");
  await Promise.all([app.close(), worker.close(), pool.end()]);

  console.log(JSON.stringify({
    message: message.id,
    user: { sessions: user.authSessions.length, keys: user.publicKeys.length, participations: user.conversationParticipants.length },
    conversation: { messages: conversation.messages.length, participants: conversation.participants.length },
    newest: page[0].id,
    status: { status: status.status, delivered: status.delivered_at !== null, read: status.read_at !== null },
    audit: entry.id,
    refused,
    unseen,
    pg: { seen: byPg.rows[0].count, failed, after: after.rows[0].count },
  }));
};

run().catch((error) => { console.error(error); process.exit(1); });
