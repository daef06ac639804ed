"""A project of sequelize-cli for tests: 30 migrations, each in a way in which people write them, and one that needs SQL by hand."""

import subprocess
from pathlib import Path

from tests.support.cli import clean_environment
from tests.support.database import Database

COUNT, APPLIED = 30, 28
BACKFILL = 20

_SPECIAL = {
    1: """
    async up(queryInterface, Sequelize) {
        await queryInterface.createTable("Users", {
            id: { type: Sequelize.INTEGER, primaryKey: true, autoIncrement: true },
            email: { type: Sequelize.STRING, allowNull: false, unique: true },
            role: { type: Sequelize.ENUM("admin", "user"), allowNull: false, defaultValue: "user" },
            createdAt: { type: Sequelize.DATE, allowNull: false, defaultValue: Sequelize.literal("now()") },
        });
        await queryInterface.addIndex("Users", ["role"], { concurrently: true });
    },
    down: (queryInterface) => queryInterface.dropTable("Users"),
""",
    2: """
    // Reference rows, in a transaction, with parameters that look like parameters.
    async up(queryInterface) {
        const transaction = await queryInterface.sequelize.transaction();
        const rows = [{ email: "o'neil@example.org", role: "admin" }, { email: "größe", role: "user" }];
        await queryInterface.bulkInsert("Users", rows, { transaction });
        const bind = ["x $1 ' y", "größe"];
        await queryInterface.sequelize.query('update "Users" set email = $1 where email = $2', { bind, transaction });
        await transaction.commit();
        await queryInterface.sequelize.query(`select setval('"Users_id_seq"', 100)`);
    },
    down: (queryInterface) => queryInterface.bulkDelete("Users", null, {}),
""",
    3: """
    // With a callback, as before promises; and a reference.
    up: (queryInterface, Sequelize, done) => {
        queryInterface
            .createTable("Items", {
                id: { type: Sequelize.UUID, primaryKey: true, defaultValue: Sequelize.literal("gen_random_uuid()") },
                name: Sequelize.TEXT,
                price: { type: Sequelize.DECIMAL(10, 2), defaultValue: 0 },
                userId: { type: Sequelize.INTEGER, references: { model: "Users", key: "id" }, onDelete: "SET NULL" },
            })
            .then(() => done(), done);
    },
    down: (queryInterface) => queryInterface.dropTable("Items"),
""",
    4: """
    async up(queryInterface) {
        await queryInterface.sequelize.query(`
            create function touch() returns trigger language plpgsql as $$ begin new.name := 'a;b'; return new; end $$;
            create trigger items_touch before insert on "Items" for each row execute function touch();
        `);
    },
    down: (queryInterface) => queryInterface.sequelize.query('drop trigger items_touch on "Items"; drop function touch();'),
""",
    5: """
    // Everything in a managed transaction.
    up: (queryInterface, Sequelize) =>
        queryInterface.sequelize.transaction(async (transaction) => {
            await queryInterface.addConstraint("Items", {
                fields: ["price"], type: "check", where: { price: { [Sequelize.Op.gte]: 0 } }, name: "items_price_check", transaction,
            });
            await queryInterface.changeColumn("Items", "name", { type: Sequelize.STRING(100), allowNull: false }, { transaction });
        }),
    down: (queryInterface) => queryInterface.removeConstraint("Items", "items_price_check"),
""",
    6: """
    // A transaction that is rolled back, and another way instead.
    async up(queryInterface, Sequelize) {
        const transaction = await queryInterface.sequelize.transaction();
        try {
            await queryInterface.addColumn("Items", "lost", Sequelize.TEXT, { transaction });
            await queryInterface.sequelize.query("select no_such_function()", { transaction });
            await transaction.commit();
        } catch {
            await transaction.rollback();
            await queryInterface.addColumn("Items", "found", Sequelize.TEXT);
        }
    },
    down: (queryInterface) => queryInterface.removeColumn("Items", "found"),
""",
    7: """
    async up(queryInterface, Sequelize) {
        const columns = await queryInterface.describeTable("Items");
        if (!columns.sku) await queryInterface.addColumn("Items", "sku", { type: Sequelize.STRING, unique: true });
    },
    async down(queryInterface) {
        await queryInterface.removeColumn("Items", "sku");
    },
""",
    8: """
    up: (queryInterface) => queryInterface.addIndex("Items", ["name"], { concurrently: true, name: "items_by_name" }),
    down: (queryInterface) => queryInterface.removeIndex("Items", "items_by_name"),
""",
    9: """
    async up(queryInterface) {
        await queryInterface.renameColumn("Items", "price", "cost");
    },
    down: (queryInterface) => queryInterface.renameColumn("Items", "cost", "price"),
""",
    10: """
    up: (queryInterface) => queryInterface.sequelize.query(`alter type "enum_Users_role" add value 'guest'`),
    down: async () => {},
""",
    BACKFILL: """
    // Work on rows in JavaScript.
    async up(queryInterface) {
        const [users] = await queryInterface.sequelize.query('select id, email from "Users"');
        for (const { id, email } of users) {
            await queryInterface.sequelize.query('update "Users" set email = ? where id = ?', { replacements: [email.toUpperCase(), id] });
        }
    },
    down: async () => {},
""",
    30: """
    up: (queryInterface) => queryInterface.bulkInsert("Items", [{ name: "last", cost: 1.5, userId: 1 }]),
    down: (queryInterface, Sequelize) => queryInterface.bulkDelete("Items", { cost: 1.5 }),
""",
}


def name(number: int) -> str:
    return f"202301{number:02}120000-step-{number}"


def write(folder: Path, node_modules: Path) -> None:
    """Write the project's migrations, beside the modules that they need."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder.parent / "node_modules").exists():
        (folder.parent / "node_modules").symlink_to(node_modules / "node_modules")
    for number in range(1, COUNT + 1):
        (folder / f"{name(number)}.js").write_text(
            '"use strict";\nmodule.exports = {' + _SPECIAL.get(number, _column(number)) + "};\n"
        )


def _column(number: int) -> str:
    return f"""
    up: (queryInterface, Sequelize) => queryInterface.addColumn("Items", "c{number}", {{ type: Sequelize.BIGINT, defaultValue: {number} }}),
    down: (queryInterface) => queryInterface.removeColumn("Items", "c{number}"),
"""


def write_by_hand(folder: Path) -> None:
    """Write the SQL for the one migration whose work is JavaScript."""
    (folder / f"{name(BACKFILL)}.sql").write_text('update "Users" set email = upper(email);\n')


def apply(node_modules: Path, folder: Path, database: Database, count: int = APPLIED) -> None:
    """Run the first migrations as sequelize-cli does."""
    environment = clean_environment({"DATABASE_URL": database.url})
    command = ["node", "migrate.js", str(folder), str(count)]
    done = subprocess.run(command, cwd=node_modules, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
