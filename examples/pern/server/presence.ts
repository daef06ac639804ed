// Who is online: known to Redis alone, as long as the processes say so. A user has one entry for each socket, with a time at which it ends
// unless it is renewed: a process that is killed cannot say that its sockets are gone. A Redis that comes back empty is told everything again.
import type { Redis } from "ioredis";
import { forRequests } from "./redis";

export const RENEW_MS = 5_000;
const VALID_MS = 15_000;

const key = (userId: string) => `chat:presence:${userId}`;
const EVERYBODY = "chat:presence";

// ARGV: user, now, until, sockets. 1 if the user was not online before.
const ENTER = `
  local name = 'chat:presence:' .. ARGV[1]
  redis.call('ZREMRANGEBYSCORE', name, '-inf', ARGV[2])
  local before = redis.call('ZCARD', name)
  for i = 4, #ARGV do redis.call('ZADD', name, ARGV[3], ARGV[i]) end
  redis.call('SADD', 'chat:presence', ARGV[1])
  return before == 0 and 1 or 0
`;
// ARGV: user, now, sockets. 1 if the user is offline from now on, and was not reported yet.
const LEAVE = `
  local name = 'chat:presence:' .. ARGV[1]
  for i = 3, #ARGV do redis.call('ZREM', name, ARGV[i]) end
  redis.call('ZREMRANGEBYSCORE', name, '-inf', ARGV[2])
  if redis.call('ZCARD', name) > 0 then return 0 end
  return redis.call('SREM', 'chat:presence', ARGV[1])
`;

export class Presence {
  private readonly redis: Redis = forRequests();

  /** Say that a user has these sockets. True if the user was offline. */
  async enter(userId: string, sockets: string[]): Promise<boolean> {
    const now = Date.now();
    return (await this.redis.eval(ENTER, 0, userId, now, now + VALID_MS, ...sockets)) === 1;
  }

  /** Say that a socket is gone, or look whether all are. True if the user is offline from now on. */
  async leave(userId: string, ...sockets: string[]): Promise<boolean> {
    return (await this.redis.eval(LEAVE, 0, userId, Date.now(), ...sockets)) === 1;
  }

  /** Those of the users who are online; nobody while Redis is away. */
  async online(userIds: string[]): Promise<string[]> {
    const now = Date.now();
    const pipeline = this.redis.pipeline();
    for (const id of userIds) pipeline.zcount(key(id), now, "+inf");
    const counts = await pipeline.exec().catch(() => null);
    return userIds.filter((_, i) => Number(counts?.[i]?.[1] ?? 0) > 0);
  }

  /** Users who were online and whose entries have ended without a word: their process was killed. */
  async vanished(): Promise<string[]> {
    const gone: string[] = [];
    for (const id of await this.redis.smembers(EVERYBODY)) if (await this.leave(id)) gone.push(id);
    return gone;
  }

  /** Call this when Redis is back. */
  onBack(work: () => void): void {
    this.redis.on("ready", work);
  }
}

export const presence = new Presence();
