// Registration, sign-in, devices, people.
import { Router } from "express";
import type { Api, Refusal } from "../../shared/protocol";
import { asUser } from "../acting";
import { changed } from "../cache/changes";
import * as topics from "../cache/topics";
import { keysOf } from "../conversations";
import { select } from "../database";
import { Refused } from "../errors";
import * as input from "../input";
import { auditLog } from "../middleware/audit";
import { actorOf, authenticateToken } from "../middleware/authenticate";
import * as sessions from "../sessions";

type Answer<Name extends keyof Api> = Api[Name]["answer"] | Refusal;

export const accounts = Router();

const deviceOf = (req: { body?: { deviceName?: unknown }; ip?: string; get(name: string): string | undefined }): sessions.Device => ({
  deviceName: input.optional(req.body?.deviceName, "deviceName", input.text),
  ip: req.ip,
  userAgent: req.get("User-Agent"),
});

accounts.post("/register", async (req, res) => {
  const given = {
    username: input.text(req.body?.username, "username"),
    password: input.text(req.body?.password, "password"),
    displayName: input.optional(req.body?.displayName, "displayName", input.text),
    publicKey: input.bytes(req.body?.publicKey, "publicKey"),
  };
  const answer: Answer<"POST /register"> = await sessions.register(given, deviceOf(req));
  res.status(201).json(answer);
});

accounts.post("/login", async (req, res) => {
  const [name, password] = [input.text(req.body?.username, "username"), input.text(req.body?.password, "password")];
  const answer: Answer<"POST /login"> = await sessions.signIn(name, password, deviceOf(req));
  res.json(answer);
});

accounts.post("/refresh", async (req, res) => {
  const answer: Answer<"POST /refresh"> = await sessions.refresh(input.text(req.body?.refreshToken, "refreshToken"), deviceOf(req));
  res.json(answer);
});

accounts.post("/logout", async (req, res) => {
  await sessions.signOut(input.text(req.body?.refreshToken, "refreshToken"));
  res.json({});
});

accounts.get("/devices", authenticateToken, async (req, res) => {
  const actor = actorOf(req);
  const devices = (await sessions.sessionsOf(actor.id)).map(({ id, family, deviceName, createdAt, lastUsedAt }) => ({
    sessionId: id, deviceName, createdAt, lastUsedAt, isThis: family === actor.family,
  }));
  const answer: Answer<"GET /devices"> = { devices };
  res.json(answer);
});

accounts.delete("/devices/:id", authenticateToken, auditLog("device.revoke", "auth_session"), async (req, res) => {
  const actor = actorOf(req);
  const session = input.id(req.params["id"], "sessionId");
  const [row] = await asUser(actor, () => select<{ revoked: boolean }>("select chatschema.revoke_session($1, 'logout') as revoked", [session]));
  // The sockets of the device are closed by the event session.revoked.
  await changed(topics.sessions(actor.id), topics.written(actor.id));
  const answer: Answer<"DELETE /devices/:sessionId"> = { revoked: row?.revoked ?? false };
  res.json(answer);
});

accounts.get("/users/:username", authenticateToken, async (req, res) => {
  const actor = actorOf(req);
  const [user] = await asUser(actor, () =>
    select<{ id: string; username: string; displayName: string | null }>(
      `select id, username, display_name as "displayName" from chatschema.people where username = lower($1)`, [req.params["username"]],
    ),
  );
  if (!user) throw new Refused(404, "not_found", "there is no such user");
  const answer: Answer<"GET /users/:username"> = { user, key: (await keysOf(actor, [user.id]))[0] ?? null };
  res.json(answer);
});
