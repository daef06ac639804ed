// What the database refuses, by SQLSTATE and by the name of a constraint (docs/reference/errors.md), as an answer to the browser.
import type { ErrorRequestHandler } from "express";
import type { Refusal } from "../shared/protocol";
import { SCHEMA_ERRORS, type SchemaError } from "./models";

/** What the server itself refuses. */
export class Refused extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
}

interface Failure {
  code: string;
  name: string | null;
  status: number;
  isPassing: boolean;
}

// Serialization failure, deadlock, lock, restart, "cached plan must not change result type", too many connections; 42804: a column was added while
// chatschema.page() ran, which returns rows of the table as it was. Again, the whole transaction.
const PASSING = new Set(["40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300", "0A000", "25006", "42804"]);
const NETWORK = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTCONN"]);
// Refused by the rules about people: 403 or 404, as the table says. Names that do not exist fail to compile.
const STATUS: Partial<Record<SchemaError, number>> = {
  messages_require_sender: 403,
  message_statuses_require_reader: 403,
  create_conversation_members: 404,
  acting_user_inactive: 401,
};
const BY_SQLSTATE: Record<string, number> = { "23505": 409, "23503": 404, "42501": 403, "57014": 503 };

/** Read an error of Sequelize, pg or PgBouncer. A month's own constraint has its parent's name: messages_y2026m11_pkey is messages_pkey. */
export function failure(error: unknown): Failure {
  if (error instanceof Refused) return { code: error.code, name: null, status: error.status, isPassing: false };
  const cause = ((error as { parent?: unknown }).parent ?? error) as { code?: string; constraint?: string; message?: string };
  const code = cause.code ?? "";
  const name = cause.constraint?.replace(/^(messages|message_statuses)_y\d{4}m\d{2}_/, "$1_") ?? null;
  const isPassing = PASSING.has(code) || code.startsWith("08") || NETWORK.has(code) || isOfConnection(error, cause.message ?? "");
  if (isPassing) return { code: code || "unavailable", name, status: 503, isPassing };
  const status = (isSchemaError(name) && STATUS[name]) || BY_SQLSTATE[code] || (/^2[23]/.test(code) ? 400 : 500);
  return { code: code || "internal", name, status, isPassing };
}

function isOfConnection(error: unknown, message: string): boolean {
  return /^Sequelize(Connection|HostN|Invalid)/.test((error as Error).name ?? "")
    || /Connection terminated|timeout expired|Query read timeout|is not queryable|server conn crashed|server closed the connection/i.test(message);
}

function isSchemaError(name: string | null): name is SchemaError {
  return name !== null && name in SCHEMA_ERRORS;
}

/** The answer. Its text is the server's own: those of the database may quote what was sent. */
export function refusal(error: unknown): Refusal {
  const { code, name, isPassing } = failure(error);
  const message = error instanceof Refused ? error.message : isPassing ? "not available at the moment" : "the request was refused";
  return { error: { code, name, message, retry: isPassing } };
}

/** Log what failed without the row: `detail`, `sql` and `parameters` of the error have addresses, hashes and content. */
export function logFailure(what: string, error: unknown): void {
  const { code, name, status } = failure(error);
  if (status >= 500) console.error(JSON.stringify({ at: new Date(), what, sqlstate: code, constraint: name, stack: stackOf(error) }));
}

// The message of an error of the database may quote a value; its place in the code does not.
const stackOf = (error: unknown) => (error as Error).stack?.split("\n").slice(1, 4).map((line) => line.trim());

export const answerErrors: ErrorRequestHandler = (error, request, response, _next) => {
  logFailure(`${request.method} ${request.route?.path ?? request.path}`, error);
  response.status(failure(error).status).json(refusal(error));
};
