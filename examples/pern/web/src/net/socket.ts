// The socket: calls with an answer, and a new token whenever it connects again.
import { io, type Socket } from "socket.io-client";
import type { Refusal, ToBrowser, ToServer } from "../../../shared/protocol.js";
import { accessToken } from "./account.js";
import { isRefusal, OutOfReach, Refused, SignedOut } from "./errors.js";

export type ChatSocket = Socket<ToBrowser, ToServer>;

type Call = Exclude<keyof ToServer, "typing">;
type Data<C extends Call> = Parameters<ToServer[C]>[0];
type Result<C extends Call> = Exclude<Parameters<Parameters<ToServer[C]>[1]>[0], Refusal>;

const PATIENCE_MS = 10_000;
const PAUSE_MS = 1_000;

/** Make a socket, which the caller connects. `ended` is called when this device was signed out. */
export function openSocket(ended: () => void): ChatSocket {
  let token = "";
  let isRefused = false;
  const socket: ChatSocket = io({
    autoConnect: false,
    // Without polling, the requests of a connection need not meet the same process.
    transports: ["websocket"],
    reconnectionDelayMax: 5 * PAUSE_MS,
    auth: (give) => {
      accessToken(isRefused ? token : undefined)
        .then((next) => {
          [token, isRefused] = [next, false];
        })
        .catch((error: unknown) => {
          if (error instanceof SignedOut) ended();
        })
        .finally(() => give({ token }));
    },
  });
  // socket.io connects again after a lost connection, but not after the server closed it or refused it.
  const again = (): void => void setTimeout(() => socket.connect(), PAUSE_MS * (0.5 + Math.random()));
  socket.on("connect_error", (error) => {
    isRefused ||= isTokenRefused(error);
    if (!socket.active) again();
  });
  socket.on("disconnect", (reason) => {
    if (reason === "io server disconnect") again();
  });
  socket.on("session_revoked", ended);
  return socket;
}

/** The server's reasons to refuse a handshake for which a new token may help; without a login there is none. */
const isTokenRefused = (error: Error & { data?: unknown }): boolean =>
  isRefusal(error.data) && ["no_token", "invalid_token", "session_revoked"].includes(error.data.error.code);

/** Call the server and return its answer. Throws Refused, or OutOfReach: then nobody knows whether it was done. */
export async function ask<C extends Call>(socket: ChatSocket, name: C, data: Data<C>): Promise<Result<C>> {
  if (!socket.connected) throw new OutOfReach();
  const result: unknown = await (socket.timeout(PATIENCE_MS) as unknown as Asking).emitWithAck(name, data).catch(() => {
    throw new OutOfReach();
  });
  if (isRefusal(result)) throw new Refused(result);
  return result as Result<C>;
}

interface Asking {
  emitWithAck(name: string, data: unknown): Promise<unknown>;
}
