// One signed-in device: HTTP with a token that is renewed, and a socket. Calls are repeated until there is an answer, with the same id.
import { setTimeout as sleep } from "node:timers/promises";
import { io, type Socket } from "socket.io-client";
import type { Login, Refusal, ToBrowser, ToServer } from "../shared/protocol";

// Longer than the server tries by itself (server/retry.ts): whoever asks again sooner makes a slow server slower.
const ANSWER_MS = 10_000;
const PATIENCE_MS = 180_000;
const SIGN_IN_AGAIN = ["invalid_token", "session_revoked"];

/** A refusal that is final, or no answer for a long time. */
export class Refused extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

/** For `catch`: this refusal is none. */
export const unless = (code: string) => (error: unknown) => {
  if (!(error instanceof Refused) || error.code !== code) throw error;
};

/** How often a call was tried until it was answered. */
export interface Tries {
  attempts: number;
}

const isRefusal = (answer: object): answer is Refusal => "error" in answer;

export class Connection {
  readonly socket: Socket<ToBrowser, ToServer>;
  isSignedOut = false;
  private renewing: Promise<boolean> | null = null;

  constructor(private readonly api: string, private login: Login) {
    this.socket = io(api, {
      auth: (give) => give({ token: this.login.accessToken }), transports: ["websocket"], autoConnect: false, forceNew: true,
      reconnectionDelay: 100, reconnectionDelayMax: 1_000, timeout: 4_000,
    });
    this.socket.on("session_revoked", () => this.end());
    this.socket.on("connect_error", (error) => void this.onRefusedHandshake(error.message));
  }

  get user() {
    return this.login.user;
  }

  end(): void {
    this.isSignedOut = true;
    this.socket.disconnect();
  }

  /** A call over the socket. Null: signed out. */
  async call(name: keyof ToServer, data: object, tries: Tries = { attempts: 0 }): Promise<any> {
    return this.repeat(tries, async () => {
      // Socket.io keeps a call of a socket that is away, and sends it late as well: one more repetition that must do no harm.
      const answer: object | null = await (this.socket as any).timeout(ANSWER_MS).emitWithAck(name, data).catch(() => null);
      if (answer === null) return null;
      if (isRefusal(answer)) return refuse(answer);
      return answer;
    });
  }

  /** A request over HTTP. A repeated one may find its work done, and is then refused as what is not there. */
  async request(method: string, path: string, body?: object): Promise<any> {
    return this.repeat({ attempts: 0 }, async () => {
      const token = this.login.accessToken;
      const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
      const signal = AbortSignal.timeout(ANSWER_MS);
      const response = await fetch(`${this.api}/api${path}`, { method, headers, signal, body: body && JSON.stringify(body) }).catch(() => null);
      const answer: object | null = response && await (response.json() as Promise<object>).catch(() => null);
      if (response === null || answer === null) return null;
      if (isRefusal(answer) && SIGN_IN_AGAIN.includes(answer.error.code) && (token !== this.login.accessToken || (await this.renew()))) return null;
      if (isRefusal(answer)) return refuse(answer);
      return answer;
    });
  }

  private async repeat<T>(tries: Tries, attempt: () => Promise<T | null>): Promise<T> {
    const deadline = Date.now() + PATIENCE_MS;
    for (let pause = 50; Date.now() < deadline; pause = Math.min(2 * pause, 1_000)) {
      if (this.isSignedOut) throw new Refused("signed_out");
      tries.attempts += 1;
      const answer = await attempt();
      if (answer !== null) return answer;
      await sleep(pause * (0.5 + Math.random()));
    }
    throw new Refused("no_answer");
  }

  private async onRefusedHandshake(code: string): Promise<void> {
    if (SIGN_IN_AGAIN.includes(code)) await this.renew();
    // Socket.io does not repeat a handshake that the server refused.
    await sleep(300);
    if (!this.isSignedOut && !this.socket.active) this.socket.connect();
  }

  /** A new access token. False: the login has ended. One at a time: a refresh token that is used late a second time ends the login. */
  private renew(): Promise<boolean> {
    return (this.renewing ??= this.askForToken().finally(() => (this.renewing = null)));
  }

  private async askForToken(): Promise<boolean> {
    const body = JSON.stringify({ refreshToken: this.login.refreshToken });
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(`${this.api}/api/refresh`, { method: "POST", headers, body }).catch(() => null);
    if (response === null || response.status >= 500 || response.status === 409) return true; // ask again later
    if (response.status !== 200) {
      this.end();
      return false;
    }
    this.login = (await response.json()) as Login;
    return true;
  }
}

function refuse(answer: Refusal): null {
  if (answer.error.retry) return null;
  throw new Refused(answer.error.name ?? answer.error.code);
}

/** The password of somebody who does not exist. */
export const passwordOf = (username: string): string => `derived in the browser for ${username}`;

/** Register; the answer to an earlier attempt may have been lost, so the name is then signed in. */
export async function register(api: string, username: string, publicKey: string): Promise<Login> {
  const password = passwordOf(username);
  for (let attempt = 0; attempt < 20; attempt += 1) {
    for (const [path, body] of [["register", { username, password, publicKey }], ["login", { username, password }]] as const) {
      const headers = { "Content-Type": "application/json" };
      const response = await fetch(`${api}/api/${path}`, { method: "POST", headers, body: JSON.stringify(body) }).catch(() => null);
      if (response?.ok) return (await response.json()) as Login;
    }
    await sleep(500);
  }
  throw new Refused("no_answer");
}
