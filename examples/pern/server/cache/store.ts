// The scripts as functions, and which Redis answers: after a restart it has another run id.
import type { Redis } from "ioredis";
import { forRequests } from "../redis";
import * as scripts from "./scripts";

const FLOOR_TTL_MS = 24 * 3_600_000;
type Script = (...values: (string | number)[]) => Promise<unknown>;

class Store {
  readonly redis: Redis;
  /** Null while Redis is away. */
  runId: string | null = null;
  private readonly run: Record<keyof typeof scripts, Script>;

  constructor() {
    this.redis = forRequests();
    // The first argument of such a command is the number of keys: the scripts make their names themselves.
    const entries = Object.entries(scripts).map(([name, lua]) => {
      this.redis.defineCommand(name, { lua, numberOfKeys: 0 });
      return [name, (...values: (string | number)[]) => (this.redis as unknown as Record<string, Script>)[name]!(...values)];
    });
    this.run = Object.fromEntries(entries) as Record<keyof typeof scripts, Script>;
    this.redis.on("close", () => (this.runId = null));
    this.redis.on("ready", () => {
      this.runId = null;
      void this.redis.info("server").then((info) => (this.runId = /run_id:(\w+)/.exec(info)?.[1] ?? null), () => this.redis.disconnect(true));
    });
  }

  look(topics: { topic: string; field: string }[]): Promise<string[]> {
    return this.run.LOOK(...topics.flatMap(({ topic, field }) => [topic, field])) as Promise<string[]>;
  }

  store(lease: string, floor: string, topic: string, field: string, value: string, ttlMs: number): Promise<unknown> {
    return this.run.STORE(lease, floor, topic, field, value, ttlMs);
  }

  change(topics: string[], position: string): Promise<unknown> {
    return this.run.CHANGE(position, FLOOR_TTL_MS, ...topics);
  }

  async move(from: string, to: string, position: string, topics: string[]): Promise<boolean> {
    return (await this.run.MOVE(from, to, position, FLOOR_TTL_MS, ...topics)) === 1;
  }

  /** With `server` where the cursor is of another start of the server. */
  startOver(epoch: string, cursor: string, position: string, server?: string): Promise<unknown> {
    return this.run.START_OVER(epoch, cursor, position, ...(server === undefined ? [] : [server]));
  }

  async raiseAll(position: string): Promise<boolean> {
    return (await this.run.RAISE_ALL(position)) === 1;
  }

  lease(cursor: string, runId: string, ttlMs: number): Promise<unknown> {
    return this.run.LEASE(cursor, runId, ttlMs);
  }

  /** The cursor of the events, and the start of the server that it is good for. */
  async state(): Promise<{ cursor: string | null; server: string | null }> {
    const [cursor = null, server = null] = await this.redis.hmget("chat:cache:state", "cursor", "server");
    return { cursor, server };
  }
}

export const store = new Store();
