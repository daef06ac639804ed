// Prints what an instance of a Sequelize model has by itself.
const { Sequelize } = require("sequelize");

const sequelize = new Sequelize("postgres://localhost/none", { dialect: "postgres" });
const row = sequelize.define("Row", {}).build();
const members = new Set(Object.keys(row));
for (let of = Object.getPrototypeOf(row); of; of = Object.getPrototypeOf(of)) Object.getOwnPropertyNames(of).forEach((name) => members.add(name));
console.log(JSON.stringify([...members].sort()));
