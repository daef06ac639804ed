// Inserts the messages of ROWS, a file of JSON, with their statuses, as an application would with bulkCreate. Prints the seconds.
const { readFileSync } = require("fs");
const { Sequelize } = require("sequelize");
const { define } = require("./models");

const run = async () => {
  const sequelize = new Sequelize(process.env.DATABASE_URL, { dialect: "postgres", logging: false });
  const { Message, MessageStatus } = define(sequelize);
  const { messages, statuses } = JSON.parse(readFileSync(process.env.ROWS));
  const rows = messages.map((row) => ({ ...row, content_encrypted: Buffer.from(row.content_encrypted, "base64") }));
  const started = process.hrtime.bigint();
  for (let i = 0; i < rows.length; i += 1000) await Message.bulkCreate(rows.slice(i, i + 1000));
  for (let i = 0; i < statuses.length; i += 1000) await MessageStatus.bulkCreate(statuses.slice(i, i + 1000));
  console.log(Number(process.hrtime.bigint() - started) / 1e9);
  await sequelize.close();
};
run().catch((error) => { console.error(error); process.exit(1); });
