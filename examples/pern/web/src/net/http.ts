// Calls of the API, typed by the protocol: `call("GET /conversations/:id", { params: { id } })`.
import type { Api, Refusal } from "../../../shared/protocol.js";
import { isRefusal, OutOfReach, Refused } from "./errors.js";

export type Route = keyof Api;
export type Answer<R extends Route> = Api[R]["answer"];
type Body<R extends Route> = Api[R] extends { body: infer B } ? { body: B } : { body?: undefined };
export type Options<R extends Route> = Body<R> & { params?: Record<string, string | number>; token?: string };

const PATIENCE_MS = 20_000;
let skewMs = 0;

/** The time by the clock of the server: an id that is made with a wrong clock would be refused, or stand in the wrong place. */
export const serverTime = (): number => Date.now() + skewMs;

/** Call the API and return its answer. Throws Refused or OutOfReach. */
export async function request<R extends Route>(route: R, { params = {}, body, token }: Options<R>): Promise<Answer<R>> {
  const [method, template] = route.split(" ") as [string, string];
  const headers: Record<string, string> = {};
  if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const init: RequestInit = { method, headers, signal: AbortSignal.timeout(PATIENCE_MS), cache: "no-store" };
  if (body !== undefined) init.body = JSON.stringify(body);
  const response = await fetch(`/api${filled(template, params)}`, init).catch(() => {
    throw new OutOfReach();
  });
  learnTime(response);
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) throw new Refused(isRefusal(answer) ? answer : unexplained(response.status), response.status);
  return answer as Answer<R>;
}

/** `/conversations/:id/messages?before=&limit=` with its values; a query without a value is left out. */
function filled(template: string, params: Record<string, string | number>): string {
  const [path, query] = template.split("?") as [string, string | undefined];
  const names = (query ?? "").split("&").map((pair) => pair.replace("=", ""));
  const search = new URLSearchParams(names.flatMap((name) => (params[name] === undefined ? [] : [[name, String(params[name])]])));
  const start = path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name])));
  return search.size ? `${start}?${search}` : start;
}

function learnTime(response: Response): void {
  const date = Date.parse(response.headers.get("Date") ?? "");
  if (Number.isNaN(date)) return;
  const skew = date - Date.now();
  // The header has whole seconds; a small difference is no wrong clock.
  skewMs = Math.abs(skew) < 5_000 ? 0 : skew;
}

function unexplained(status: number): Refusal {
  const message = status >= 500 ? "The server has a problem. Try again in a moment." : `The server refused this (HTTP ${status}).`;
  return { error: { code: `HTTP${status}`, name: null, message, retry: status >= 500 || status === 429 } };
}
