// The one row of public.every_types, read by Sequelize and written back. Prints its attributes.
const { Sequelize } = require("sequelize");

const run = async () => {
  const sequelize = new Sequelize(process.env.DATABASE_URL, { dialect: "postgres", logging: false });
  const { EveryType } = require("./sequelize")(sequelize);
  const row = await EveryType.findOne();
  const { id, number, counted, doubled, ...rest } = row.get({ plain: true });
  // As node-postgres reads a point and a circle: an object. They are written as text.
  const point = ({ x, y }) => `(${x},${y})`;
  Object.assign(rest, { c_point: point(rest.c_point), a_point: rest.a_point.map(point), c_circle: `<${point(rest.c_circle)},${rest.c_circle.radius}>` });
  const made = await EveryType.create(rest);
  await made.update({ c_text: "changed" });
  await made.update({ c_text: row.c_text });
  await sequelize.close();
  console.log(JSON.stringify({ columns: Object.keys(EveryType.rawAttributes).length, id: made.id, again: made.c_int8 === row.c_int8 }));
};
run().catch((error) => { console.error(error); process.exit(1); });
