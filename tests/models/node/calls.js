// The specification's calls with the generated models: as chat_app within a transaction that names its user, and as chat_worker with
// models of its own. Prints what they returned, as JSON.
const { AsyncLocalStorage } = require("node:async_hooks");
const { Sequelize } = require("sequelize");

const { APP_URL, WORKER_URL, ALICE, BOB, PLACE } = process.env;
const storage = new AsyncLocalStorage();
Sequelize.useCLS({
  run: (work) => storage.run(new Map(storage.getStore()), () => work(storage.getStore())),
  get: (key) => storage.getStore()?.get(key),
  set: (key, value) => storage.getStore()?.set(key, value),
  bind: (work) => work,
});
const open = (url) => new Sequelize(url, { dialect: "postgres", logging: false, pool: { max: 2 } });
const as = (sequelize, user, work) => sequelize.transaction(async () => {
  await sequelize.query("select set_config('app.user_id', $1, true)", { bind: [user] });
  return work();
});
const refusal = async (work) => {
  try { return (await work(), "none"); } catch (error) { return error.parent?.code ?? String(error); }
};

const run = async () => {
  const app = open(APP_URL);
  const worker = open(WORKER_URL);
  const { User, AuthSession, UserPublicKey, Conversation, ConversationParticipant, Message, MessageStatus } = require("./app")(app);
  const queue = require("./worker")(worker);
  const send = (text) => Message.create({ conversation_id: PLACE, sender_id: ALICE, content_encrypted: text, message_type: "text" });

  const message = await as(app, ALICE, () => send("c2VjcmV0"));
  const reply = await as(app, BOB, () => Message.create({
    conversation_id: PLACE, sender_id: BOB, content_encrypted: Buffer.from("y"), message_type: "text", reply_to_id: message.id,
  }));
  const [user, conversation] = await as(app, ALICE, async () => [
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
  ]);
  const found = await as(app, BOB, () => Message.findByPk(reply.id, { include: ["replyTo", "sender", "statuses", "attachment"] }));

  const upsert = (model) => (status) => model.upsert({
    message_id: message.id,
    user_id: BOB,
    status: status,
    delivered_at: status === "delivered" ? new Date() : null,
    read_at: status === "read" ? new Date() : null,
  });
  await upsert(queue.MessageStatus)("delivered");
  await as(app, BOB, () => upsert(MessageStatus)("read"));
  await as(app, BOB, () => upsert(MessageStatus)("delivered"));
  const status = await as(app, BOB, () => MessageStatus.findOne({ where: { message_id: message.id, user_id: BOB } }));
  const entry = await queue.AuditLog.create({
    user_id: ALICE, action: "message.send", resource_type: "message", resource_id: message.id, ip_address: "::1", severity: "info",
  });

  // The id of a direct conversation is that of its pair, and comes back from the insert. Notes to self have one participant.
  const notes = await as(app, ALICE, async () => {
    const created = await Conversation.create({ type: "direct", direct_user_low: ALICE, direct_user_high: ALICE, created_by: ALICE });
    await ConversationParticipant.create({ conversation_id: created.id, user_id: ALICE });
    return created.id;
  });

  // The database makes the times: an update reads them back.
  const before = message.updated_at.getTime();
  await as(app, ALICE, () => message.update({ content_encrypted: "x", edited_at: new Date(), edit_count: 1 }));
  const bulk = await as(app, ALICE, () => Message.bulkCreate([1, 2].map((number) => ({
    conversation_id: PLACE, sender_id: ALICE, content_encrypted: `${number}`, message_type: "text",
  })), { returning: true }));
  const page = await as(app, ALICE, () => Message.findAll({ where: { conversation_id: PLACE }, order: [["created_at", "DESC"]], limit: 50 }));
  const result = {
    message: { id: message.id, created_at: message.created_at, is_buffer: Buffer.isBuffer(message.content_encrypted) },
    user: { sessions: user.authSessions.length, keys: user.publicKeys.length, participations: user.conversationParticipants.length },
    conversation: { messages: conversation.messages.length, participants: conversation.participants.length },
    reply: { to: found.replyTo.id, sender: found.sender.id, statuses: found.statuses.length, attachment: found.attachment },
    status: { status: status.status, delivered: status.delivered_at !== null, read: status.read_at !== null, of: status.conversation_id },
    audit: entry.id,
    notes: notes,
    times: { moved: message.updated_at.getTime() > before, bulk: bulk.every((one) => one.created_at instanceof Date && one.id) },
    newest: page.slice(0, 2).map((one) => one.id).sort(),
    bulk: bulk.map((one) => one.id).sort(),
    models: { app: Object.keys(app.models).sort(), worker: Object.keys(worker.models).sort() },
    refused: {
      forAnother: await refusal(() => as(app, BOB, () => send("x"))),
      withoutUser: await refusal(() => send("x")),
      statusWithoutMessage: await refusal(() => as(app, BOB, () => MessageStatus.create({ user_id: BOB, status: "read" }))),
    },
  };
  await Promise.all([app.close(), worker.close()]);
  console.log(JSON.stringify(result));
};
run().catch((error) => { console.error(error); process.exit(1); });
