// Connections to Redis. One that is away must not take requests with it: what a request asks fails at once, and the caller goes on without.
import { Redis, type RedisOptions } from "ioredis";
import { config } from "./config";

const always: RedisOptions = { retryStrategy: (times) => Math.min(times * 50, 500), connectTimeout: 2_000 };

function connect(options: RedisOptions): Redis {
  const redis = new Redis(config.redis, { ...always, ...options });
  // Without a listener an error ends Node; whoever waits for an answer gets it as well.
  redis.on("error", () => {});
  return redis;
}

/** For requests: no waiting for a Redis that is away, and half a second for one that does not answer. */
export const forRequests = () => connect({ enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: 500 });

/** For subscriptions and queues, which wait until Redis is back. */
export const patient = () => connect({ maxRetriesPerRequest: null, enableReadyCheck: false });
