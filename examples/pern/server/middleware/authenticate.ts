// The specification's middleware. Changed: the answers are refusals like all others; and the session is asked for, so that a device that was
// signed out elsewhere is out at once, and not when its token expires.
import type { RequestHandler } from "express";
import jwt from "jsonwebtoken";
import type { Actor } from "../acting";
import { config } from "../config";
import { Refused } from "../errors";
import { isLive } from "../sessions";

declare module "express-serve-static-core" {
  interface Request {
    user?: Token;
    requestId: string;
  }
}

export interface Token {
  id: string;
  /** The login; it stays when the refresh token rotates. */
  family: string;
  /** The session whose refresh token came with this token. */
  session: string;
}

/** Read an access token. Refused if it is not ours, has expired, or its login has ended. */
export async function verified(token: string): Promise<Token> {
  let decoded: Token;
  try {
    decoded = jwt.verify(token, config.secrets.jwtSecret, { algorithms: ["HS256"] }) as Token;
  } catch {
    throw new Refused(403, "invalid_token", "the access token is not valid, or has expired");
  }
  if (!(await isLive(decoded.id, decoded.family))) throw new Refused(401, "session_revoked", "this device was signed out");
  return decoded;
}

export const authenticateToken: RequestHandler = async (req, _res, next) => {
  const authHeader = req.headers["authorization"];
  const token = authHeader && authHeader.split(" ")[1];

  if (!token) {
    throw new Refused(401, "no_token", "sign in first");
  }

  const decoded = await verified(token);
  req.user = decoded;
  next();
};

/** Who acts in a request that was authenticated. */
export function actorOf(req: Parameters<RequestHandler>[0]): Actor {
  if (!req.user) throw new Refused(401, "no_token", "sign in first");
  const { id, family, session } = req.user;
  return { id, family, session, requestId: req.requestId, ip: req.ip, userAgent: req.get("User-Agent") };
}
