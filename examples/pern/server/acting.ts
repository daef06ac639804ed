// Who acts, named in each transaction: the row policies ask for it, and the audit trail writes it down.
import { QueryTypes } from "sequelize";
import type { Look } from "./cache/cache";
import { config } from "./config";
import { app, select } from "./database";
import { failure } from "./errors";
import { retrying } from "./retry";

export interface Actor {
  id: string;
  /** The login: the family of its sessions, which stays when the refresh token rotates. */
  family?: string;
  session?: string;
  requestId?: string;
  ip?: string;
  userAgent?: string;
}

interface Where {
  readOnly?: boolean;
  /** The conversation of a page: its policy is then checked once, and not for each row. */
  conversationId?: string;
}

const CONTEXT = `
  select set_config('app.user_id', $1, true), set_config('app.session_id', $2, true), set_config('app.request_id', $3, true),
    set_config('app.ip', $4, true), set_config('app.user_agent', $5, true), set_config('app.conversation_id', $6, true)`;

/** In a transaction: name who acts in the rest of it. */
export async function name(actor: Actor, conversationId = ""): Promise<void> {
  await select(CONTEXT, [actor.id, actor.session ?? "", actor.requestId ?? "", actor.ip ?? "", actor.userAgent ?? "", conversationId]);
}

/** Run the work in one transaction in which the user acts; again if it failed for a passing reason. bcrypt belongs before it. */
export async function asUser<T>(actor: Actor, work: () => Promise<T>, where: Where = {}): Promise<T> {
  return retrying(() => once(actor, work, where));
}

async function once<T>(actor: Actor, work: () => Promise<T>, where: Where): Promise<T> {
  return app.transaction({ readOnly: where.readOnly ?? false }, async () => {
    await name(actor, where.conversationId);
    return work();
  });
}

// After an error the standby is left alone for a moment: each attempt may take as long as a connection that is not answered.
let replicaAgainAt = 0;

/** Read on the standby, if it has all that the caches know of; otherwise on the primary. */
export async function reading<T>(actor: Actor, look: Look, work: () => Promise<T>, where: Where = {}): Promise<T> {
  if (look.floor !== null && Date.now() >= replicaAgainAt) {
    try {
      // Outside of a transaction, since it commits while it waits.
      await app.query("call chatschema.wait_for($1, $2)", { bind: [look.floor, config.replicaPatience], type: QueryTypes.SELECT });
      return await once(actor, work, { ...where, readOnly: true });
    } catch (error) {
      const { code, isPassing } = failure(error);
      // LSN01: it is behind. 40001: replay has cancelled the query. Otherwise, if passing: it is away.
      if (code !== "LSN01" && !isPassing) throw error;
      if (code !== "LSN01" && code !== "40001") replicaAgainAt = Date.now() + 1_000;
    }
  }
  return asUser(actor, work, where);
}

/** Whether the standby answers, for GET /health. */
export async function replicaAnswers(): Promise<boolean> {
  return app.query("select 1", { type: QueryTypes.SELECT }).then(() => true, () => false);
}
