// Registration, sign-in, refresh and sign-out (docs/how-to/sessions.md). Everything that takes bcrypt a quarter of a second is done
// outside of a transaction: inside, eight people who sign in at once would empty the pool.
import bcrypt from "bcrypt";
import jwt from "jsonwebtoken";
import { randomBytes } from "node:crypto";
import type { Id, Login, User } from "../shared/protocol";
import { asUser, name, type Actor } from "./acting";
import { changed } from "./cache/changes";
import { look } from "./cache/cache";
import * as topics from "./cache/topics";
import { config } from "./config";
import { app, AuthSession, select, selectOne } from "./database";
import { Refused } from "./errors";
import { retrying } from "./retry";

const COST = 12; // the database refuses another one
const TTL_MS = 300_000;
const newSecret = () => randomBytes(32).toString("base64url"); // 43 characters; bcrypt reads 72 bytes
// Compared where there is no user or session, so that the answer takes as long.
const nobody = bcrypt.hashSync(newSecret(), COST);

export interface Device {
  deviceName?: string;
  ip?: string;
  userAgent?: string;
}

export async function register(
  given: { username: string; password: string; displayName?: string; publicKey: Buffer }, device: Device,
): Promise<Login> {
  const secret = newSecret();
  const [passwordHash, secretHash] = await Promise.all([bcrypt.hash(given.password, COST), bcrypt.hash(secret, COST)]);
  const { userId, sessionId } = await retrying(() =>
    app.transaction(async () => {
      const values = [given.username, passwordHash, given.displayName ?? null];
      const { id: userId } = await selectOne<{ id: Id }>("select chatschema.register_user($1, $2, null, $3) as id", values);
      await name({ id: userId, ...device });
      await select("select chatschema.publish_key($1, null, 'identity', '1', $2)", [userId, given.publicKey]);
      return { userId, sessionId: await startSession(userId, secretHash, device) };
    }),
  );
  return signedIn({ id: userId, ...device }, sessionId, secret);
}

export async function signIn(username: string, password: string, device: Device): Promise<Login> {
  const [user] = await retrying(() =>
    select<{ user_id: Id; password_hash: string; account_state: string }>("select * from chatschema.find_login($1)", [username]),
  );
  const isRight = await bcrypt.compare(password, user?.password_hash ?? nobody);
  if (!isRight || user?.account_state !== "active") throw new Refused(401, "invalid_login", "the name or the password is wrong");
  const secret = newSecret();
  const hash = await bcrypt.hash(secret, COST);
  const actor = { id: user.user_id, ...device };
  return signedIn(actor, await asUser(actor, () => startSession(actor.id, hash, device)), secret);
}

async function startSession(userId: Id, hash: string, { deviceName, ip, userAgent }: Device): Promise<Id> {
  const device = { device_name: deviceName, device_type: "web", ip_address: ip, user_agent: userAgent };
  return (await selectOne<{ id: Id }>("select chatschema.start_session($1, $2, $3::jsonb) as id", [userId, hash, JSON.stringify(device)])).id;
}

/** The answer to whoever has signed in. The sessions of the user have changed, so the cache forgets them first. */
async function signedIn(actor: Actor, sessionId: Id, secret: string): Promise<Login> {
  await changed(topics.sessions(actor.id), topics.written(actor.id));
  const { user, family } = await asUser(actor, async () => ({
    user: await selectOne<User>(`select id, username, display_name as "displayName" from public.users where id = $1`, [actor.id]),
    family: (await AuthSession.findByPk(sessionId, { attributes: ["family_id"] }))?.family_id,
  }));
  const accessToken = jwt.sign({ id: actor.id, family, session: sessionId }, config.secrets.jwtSecret, { expiresIn: config.accessTokenSeconds });
  // `<user>.<session>.<secret>`: the session finds the one hash to compare; the user acts in the transaction that rotates it.
  return { user, sessionId, accessToken, refreshToken: `${actor.id}.${sessionId}.${secret}` };
}

/** Return the user and the session of a refresh token whose secret is right. Nothing else may act on a token. */
async function prove(token: string): Promise<{ userId: Id; sessionId: Id } | null> {
  const [, userId, sessionId, secret] = /^([0-9a-f-]{36})\.([0-9a-f-]{36})\.([\w-]{43})$/.exec(token) ?? [];
  const { hash } = await retrying(() => selectOne<{ hash: string | null }>("select chatschema.session_hash($1) as hash", [sessionId ?? null]));
  const isRight = await bcrypt.compare(secret ?? "", hash ?? nobody);
  return isRight && hash && userId && sessionId ? { userId, sessionId } : null;
}

export async function refresh(token: string, device: Device): Promise<Login> {
  const proven = await prove(token);
  if (!proven) throw new Refused(401, "invalid_token", "sign in again");
  const secret = newSecret();
  const hash = await bcrypt.hash(secret, COST);
  const actor = { id: proven.userId, ...device };
  // Committed also if the token was reused: the revocation of the login must not be undone.
  const { outcome, live_id } = await asUser(actor, () =>
    selectOne<{ outcome: string; live_id: Id | null }>("select * from chatschema.rotate_session($1, $2, $3, $4)", [
      proven.sessionId, hash, device.ip ?? null, device.userAgent ?? null,
    ]),
  );
  if (outcome === "rotated" && live_id) return signedIn(actor, live_id, secret);
  if (outcome === "grace") throw new Refused(409, "parallel_refresh", "another request has refreshed this token");
  await changed(topics.sessions(actor.id));
  throw new Refused(401, "invalid_token", "sign in again");
}

export async function signOut(token: string): Promise<void> {
  const proven = await prove(token);
  if (!proven) return;
  await asUser({ id: proven.userId }, () => select("select chatschema.revoke_session($1, 'logout')", [proven.sessionId]));
  await changed(topics.sessions(proven.userId), topics.written(proven.userId));
}

export interface Session {
  id: Id;
  family: Id;
  deviceName: string | null;
  createdAt: string;
  lastUsedAt: string;
  expiresAt: string;
}

/** The logins of a user that have not ended: from the cache, otherwise from the primary. */
export async function sessionsOf(userId: Id): Promise<Session[]> {
  const topic = topics.sessions(userId);
  const seen = await look([topic]);
  const cached = seen.value(topic);
  if (cached !== null) return JSON.parse(cached) as Session[];
  const sessions = await asUser({ id: userId }, () =>
    select<Session>(
      `select session_id as id, family_id as family, device_name as "deviceName", signed_in_at as "createdAt", last_used_at as "lastUsedAt",
         expires_at as "expiresAt"
       from chatschema.sessions_of($1)`,
      [userId],
    ),
  );
  seen.store(topic, sessions, TTL_MS);
  return sessions;
}

/** Whether a login goes on. Asked for each request: so a revoked device is out at once, although its token has not expired. */
export async function isLive(userId: Id, family: Id): Promise<boolean> {
  return (await sessionsOf(userId)).some((session) => session.family === family && new Date(session.expiresAt) > new Date());
}
