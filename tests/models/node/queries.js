// Drizzle and Kysely as chat_app: a message, a status twice without its conversation, and what belongs to them.
const { drizzle } = require("drizzle-orm/node-postgres");
const { eq, sql } = require("drizzle-orm");
const { Kysely, PostgresDialect, sql: raw } = require("kysely");
const { Pool } = require("pg");
const schema = require("./built/drizzle.js");

const { APP_URL, ALICE, BOB, PLACE } = process.env;

const byDrizzle = async (pool) => {
  const db = drizzle(pool, { schema });
  const as = (user, work) => db.transaction(async (tx) => {
    await tx.execute(sql`select set_config('app.user_id', ${user}, true)`);
    return work(tx);
  });
  const [message] = await as(ALICE, (tx) => tx.insert(schema.messages).values({
    conversation_id: PLACE, sender_id: ALICE, content_encrypted: Buffer.from("x"),
  }).returning());
  for (const status of ["delivered", "read"]) {
    await as(BOB, (tx) => tx.insert(schema.messageStatuses).values({ message_id: message.id, user_id: BOB, status }).onConflictDoUpdate({
      target: [schema.messageStatuses.message_id, schema.messageStatuses.user_id], set: { status },
    }));
  }
  await as(ALICE, (tx) => tx.update(schema.messages).set({ edited_at: new Date(), edit_count: 1 }).where(eq(schema.messages.id, message.id)));
  const found = await as(BOB, (tx) => tx.query.messages.findFirst({
    where: eq(schema.messages.id, message.id), with: { statuses: true, conversation: true, attachment: true, replyTo: true },
  }));
  return { status: found.statuses[0].status, of: found.statuses[0].conversation_id, title: found.conversation.title, attachment: found.attachment, edits: found.edit_count };
};

const byKysely = async (pool) => {
  const db = new Kysely({ dialect: new PostgresDialect({ pool }) });
  const as = (user, work) => db.transaction().execute(async (tx) => {
    await raw`select set_config('app.user_id', ${user}, true)`.execute(tx);
    return work(tx);
  });
  const message = await as(ALICE, (tx) => tx.insertInto("messages").values({
    conversation_id: PLACE, sender_id: ALICE, content_encrypted: Buffer.from("x"),
  }).returningAll().executeTakeFirstOrThrow());
  for (const status of ["delivered", "read"]) {
    await as(BOB, (tx) => tx.insertInto("message_statuses").values({ message_id: message.id, user_id: BOB, status })
      .onConflict((on) => on.columns(["message_id", "user_id"]).doUpdateSet({ status })).execute());
  }
  const found = await as(BOB, (tx) => tx.selectFrom("message_statuses").selectAll().where("message_id", "=", message.id).executeTakeFirstOrThrow());
  return { status: found.status, of: found.conversation_id, created: message.created_at instanceof Date };
};

const run = async () => {
  const pool = new Pool({ connectionString: APP_URL, max: 2 });
  console.log(JSON.stringify({ drizzle: await byDrizzle(pool), kysely: await byKysely(pool) }));
  await pool.end();
};
run().catch((error) => { console.error(error); process.exit(1); });
