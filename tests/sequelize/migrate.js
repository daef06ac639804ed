// What `sequelize db:migrate` does with the first migrations of a folder: runs them in the order of their names, and records them.
const fs = require("fs");
const path = require("path");
const { Sequelize } = require("sequelize");

const [folder, count] = [process.argv[2], Number(process.argv[3])];

async function main() {
  const sequelize = new Sequelize(process.env.DATABASE_URL, { logging: false });
  const queryInterface = sequelize.getQueryInterface();
  await sequelize.query('create table if not exists "SequelizeMeta" (name varchar(255) not null unique primary key)');
  const names = fs.readdirSync(folder).filter((name) => name.endsWith(".js")).sort();
  for (const name of names.slice(0, count)) {
    const { up } = require(path.join(folder, name));
    if (up.length === 3) await new Promise((resolve, reject) => up(queryInterface, Sequelize, (e) => (e ? reject(e) : resolve())));
    else await up(queryInterface, Sequelize);
    await sequelize.query('insert into "SequelizeMeta" (name) values (?)', { replacements: [name] });
  }
  await sequelize.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
