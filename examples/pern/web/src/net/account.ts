// Signing in and staying so: the access token lives for minutes, the refresh token takes its place. Each refresh token works once.
import { deriveSecrets, identityOf, publicHalf, ready, toBase64 } from "../crypto/index.js";
import { OutOfReach, Refused, SignedOut } from "./errors.js";
import { type Answer, type Options, request, type Route, serverTime } from "./http.js";
import { type Session, storedSession, storeSession } from "./session.js";

const MARGIN_MS = 60_000;

export interface Credentials {
  username: string;
  password: string;
  displayName?: string;
  isNew: boolean;
}

export async function signIn({ username, password, displayName, isNew }: Credentials): Promise<Session> {
  await ready;
  const secrets = deriveSecrets(username, password);
  const login = { username, password: secrets.password, deviceName: deviceName() };
  const publicKey = publicHalf(identityOf(secrets.seed));
  const answer = isNew
    ? await request("POST /register", { body: { ...login, publicKey, ...(displayName ? { displayName } : {}) } })
    : await request("POST /login", { body: login });
  const session = { ...answer, seed: toBase64(secrets.seed) };
  storeSession(session);
  return session;
}

/** Call the API as the user of this tab. Throws SignedOut when the login has ended. */
export async function call<R extends Route>(route: R, options: Omit<Options<R>, "token">): Promise<Answer<R>> {
  const token = await accessToken();
  try {
    return await request(route, { ...options, token } as Options<R>);
  } catch (error) {
    if (!isTokenRefused(error)) throw error;
    return request(route, { ...options, token: await accessToken(token) } as Options<R>);
  }
}

let refreshing: Promise<Session> | null = null;

/** Return an access token that lasts for a while. `refused` is one that the server no longer takes. */
export async function accessToken(refused?: string): Promise<string> {
  const session = storedSession();
  if (session === null) throw new SignedOut();
  if (session.accessToken !== refused && expiryOf(session.accessToken) > serverTime() + MARGIN_MS) return session.accessToken;
  // Calls at the same time share one refresh: a second one would count as theft.
  refreshing ??= refresh(session).finally(() => {
    refreshing = null;
  });
  return (await refreshing).accessToken;
}

async function refresh(session: Session): Promise<Session> {
  try {
    const next = { ...session, ...(await request("POST /refresh", { body: { refreshToken: session.refreshToken } })) };
    if (storedSession() !== null) storeSession(next);
    return next;
  } catch (error) {
    // 409: the token was used a moment ago and its answer never arrived.
    if (error instanceof Refused && [401, 403, 409].includes(error.status)) throw new SignedOut();
    throw error;
  }
}

/** Sign this device out. It is forgotten here also when the server cannot be reached. */
export async function signOut(): Promise<void> {
  const session = storedSession();
  storeSession(null);
  if (session === null) return;
  await request("POST /logout", { body: { refreshToken: session.refreshToken } }).catch((error: unknown) => {
    if (!(error instanceof OutOfReach || error instanceof Refused)) throw error;
  });
}

/** As in the spec's middleware: 401 without a token or login, 403 for a token that has expired. */
const isTokenRefused = (error: unknown): boolean => error instanceof Refused && (error.status === 401 || error.code === "invalid_token");

function expiryOf(token: string): number {
  const [, payload = ""] = token.split(".");
  const { exp } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as { exp?: number };
  return (exp ?? Number.POSITIVE_INFINITY) * 1000;
}

/** What the list of devices shows, for example "Firefox on Linux". */
function deviceName(): string {
  const agent = navigator.userAgent;
  const browser = /Edg|Firefox|Chrome|Safari/.exec(agent)?.[0].replace("Edg", "Edge") ?? "Browser";
  const system = /Android|iPhone|iPad|Windows|Mac OS|Linux/.exec(agent)?.[0];
  return system === undefined ? browser : `${browser} on ${system}`;
}
