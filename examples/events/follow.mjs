// Follow the events of chatschema: node follow.mjs URL CURSOR_FILE. Needs pg; the login is in chat_worker.
import { existsSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import pg from "pg";

const START_OVER = ["OBX02", "OBX03"]; // another server, or away for longer than events are kept

// Invalidate what is cached of these rows. After a crash the last page comes again, so this must bear a repetition.
const handle = (event) => console.log(JSON.stringify(event));
const forgetEverything = () => console.log(JSON.stringify({ kind: "cache.cleared" }));

function store(place, cursor) {
  writeFileSync(`${place}.new`, cursor);
  renameSync(`${place}.new`, place);
}

async function follow(client, place) {
  let wake = () => {};
  client.on("notification", () => wake()); // a hint; without one, once a second
  await client.query("listen chatschema_events");
  for (;;) {
    if (!existsSync(place)) {
      const { cursor } = (await client.query("select chatschema.events_now() as cursor")).rows[0];
      forgetEverything(); // before it is stored: a crash between the two begins here again
      store(place, cursor);
    }
    let page;
    try {
      page = (await client.query("select * from chatschema.events_after($1, 500)", [readFileSync(place, "utf8")])).rows;
    } catch (error) {
      if (!START_OVER.includes(error.code)) throw error;
      unlinkSync(place);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      continue;
    }
    page.forEach(handle);
    if (page.length) store(place, page.at(-1).cursor);
    else await new Promise((resolve) => setTimeout((wake = resolve), 1000));
  }
}

const [url, place] = process.argv.slice(2);
for (;;) {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  try {
    await client.connect();
    await follow(client, place);
  } catch (error) {
    console.error(`again in a second: ${error.message}`);
    await client.end().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
