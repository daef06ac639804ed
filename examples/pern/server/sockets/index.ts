// Socket.io on several processes: the Redis adapter passes on what is sent to a room. Each socket is in the room of its user and in those
// of the user's conversations; later changes of membership come from the events, by the worker.
import { createAdapter } from "@socket.io/redis-adapter";
import type { Server as HttpServer } from "node:http";
import { Server, type Socket } from "socket.io";
import type { ToBrowser, ToServer } from "../../shared/protocol";
import type { Actor } from "../acting";
import { membershipsOf, structuresOf } from "../conversations";
import { Refused, refusal } from "../errors";
import { verified } from "../middleware/authenticate";
import { presence, RENEW_MS } from "../presence";
import { forRequests, patient } from "../redis";
import { isLive } from "../sessions";
import { onMessages } from "./messages";
import { onReactions } from "./reactions";
import { enterRooms } from "./rooms";

interface BetweenProcesses {
  check_sessions(userId: string): void;
  everybody_again(): void;
}
export interface Data {
  actor: Actor & { family: string };
}
export type Chat = Server<ToServer, ToBrowser, BetweenProcesses, Data>;
export type ChatSocket = Socket<ToServer, ToBrowser, BetweenProcesses, Data>;

export function initializeSocket(server: HttpServer): Chat {
  const subscriber = patient();
  const publisher = forRequests();
  // The adapter does not wait for what it publishes. What is lost, the browsers fetch when they connect again.
  const publish = publisher.publish.bind(publisher);
  publisher.publish = ((channel: string, message: Buffer) => publish(channel, message).catch(() => 0)) as typeof publisher.publish;
  const io: Chat = new Server(server, { adapter: createAdapter(publisher, subscriber), maxHttpBufferSize: 200_000 });
  io.use((socket, next) => void authenticate(socket).then(() => next(), (error) => next(connectError(error))));
  io.on("connection", (socket) => void connected(socket).catch(() => socket.conn.close()));
  io.on("check_sessions", (userId) => void checkSessions(io, userId));
  io.on("everybody_again", () => everybodyAgain(io));
  // A subscription that was interrupted has missed something, and nobody knows what.
  let wasReady = false;
  subscriber.on("ready", () => {
    if (wasReady) everybodyAgain(io);
    wasReady = true;
  });
  keepPresence(io);
  return io;
}

async function authenticate(socket: ChatSocket): Promise<void> {
  const token: unknown = socket.handshake.auth["token"];
  if (typeof token !== "string") throw new Refused(401, "no_token", "sign in first");
  const { id, family, session } = await verified(token);
  socket.data.actor = { id, family, session, requestId: socket.id, ip: socket.handshake.address, userAgent: socket.handshake.headers["user-agent"] };
}

/** socket.io-client has the text as `error.message`, and the refusal as `error.data`. */
function connectError(error: unknown): Error {
  const answer = refusal(error);
  return Object.assign(new Error(answer.error.code), { data: answer });
}

async function connected(socket: ChatSocket): Promise<void> {
  const { actor } = socket.data;
  // First the listeners: what the browser sends at once is kept by none.
  onMessages(socket);
  onReactions(socket);
  socket.on("disconnecting", () => {
    const rooms = [...socket.rooms];
    void presence.leave(actor.id, socket.id).then((isOffline) => isOffline && socket.to(rooms).emit("presence", { userId: actor.id, isOnline: false }), () => {});
  });
  const ids = await enterRooms(socket, actor.id, async () => (await membershipsOf(actor)).map(({ id }) => id));
  // It may have been signed out between its handshake and its room.
  if (!(await isLive(actor.id, actor.family))) return signOut(socket);
  const cameOnline = await presence.enter(actor.id, [socket.id]).catch(() => false);
  if (cameOnline && ids.length > 0) socket.to(ids).emit("presence", { userId: actor.id, isOnline: true });
  const others = new Set([...(await structuresOf(actor, ids)).values()].flatMap(({ members }) => members.map(({ userId }) => userId)));
  others.delete(actor.id);
  for (const userId of await presence.online([...others])) socket.emit("presence", { userId, isOnline: true });
}

async function checkSessions(io: Chat, userId: string): Promise<void> {
  for (const socket of localSockets(io, `user:${userId}`)) {
    const goesOn = await isLive(userId, socket.data.actor.family).catch(() => true);
    if (!goesOn) signOut(socket);
  }
}

function signOut(socket: ChatSocket): void {
  socket.emit("session_revoked");
  socket.disconnect(true);
}

// Closed below Socket.io: the client connects again by itself, and fetches.
function everybodyAgain(io: Chat): void {
  for (const socket of localSockets(io)) socket.conn.close();
}

const localSockets = (io: Chat, room?: string): ChatSocket[] =>
  [...io.of("/").sockets.values()].filter((socket) => room === undefined || socket.rooms.has(room));

function keepPresence(io: Chat): void {
  const renew = async () => {
    const byUser = new Map<string, ChatSocket[]>();
    for (const socket of localSockets(io)) byUser.set(socket.data.actor.id, [...(byUser.get(socket.data.actor.id) ?? []), socket]);
    for (const [userId, sockets] of byUser) {
      // Redis had forgotten the user, or did not answer when the user came.
      const cameOnline = await presence.enter(userId, sockets.map(({ id }) => id));
      if (cameOnline) io.to([...sockets[0]!.rooms]).emit("presence", { userId, isOnline: true });
    }
  };
  setInterval(() => void renew().catch(() => {}), RENEW_MS);
  presence.onBack(() => void renew().catch(() => {}));
}
