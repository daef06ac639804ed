// A user connects while an event moves the user's sockets: between a look at the memberships and what was done upon it.
// Run in examples/pern: node --import tsx .../rooms.mjs. Prints a JSON line: what the browser has heard in each case.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(join(process.cwd(), "package.json"));
const [{ Server }, { io: connect }] = [require("socket.io"), require("socket.io-client")];
const { enterRooms } = await import(pathToFileURL(join(process.cwd(), "server/sockets/rooms.ts")));

/** Each look finds what `looks` has next, and the last one for ever; after the look with this number `event` moves the sockets. */
async function heard(looks, after, event) {
  const http = createServer();
  const chat = new Server(http);
  const told = [];
  const entered = new Promise((resolve) => chat.on("connection", (socket) => {
    let number = 0;
    const memberships = async () => {
      const found = looks[Math.min(number, looks.length - 1)];
      if (number++ === after) event(chat.in("user:bob"));
      return found;
    };
    resolve(enterRooms(socket, "bob", memberships));
  }));
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  const browser = connect(`http://127.0.0.1:${http.address().port}`, { transports: ["websocket"] });
  browser.on("new_message", (conversation) => told.push(conversation));
  const returned = await entered;
  const isOver = new Promise((resolve) => browser.once("over", resolve));
  for (const conversation of ["kept", "moved"]) chat.to(conversation).emit("new_message", conversation);
  chat.to("user:bob").emit("over");
  await isOver;
  browser.disconnect();
  await chat.close();
  return { told, returned: returned.sort() };
}

console.log(JSON.stringify({
  quiet: await heard([["kept", "moved"]], -1),
  removed: await heard([["kept", "moved"], ["kept"]], 0, (sockets) => sockets.socketsLeave("moved")),
  "taken back": await heard([["kept", "moved"], ["kept"], ["kept", "moved"]], 1, (sockets) => sockets.socketsJoin("moved")),
  "removed late": await heard([["kept", "moved"], ["kept", "moved"]], 1, (sockets) => sockets.socketsLeave("moved")),
  added: await heard([["kept"]], 0, (sockets) => sockets.socketsJoin("moved")),
}));
process.exit(0);
