// Scripts of Redis: each is atomic. Keys below `chat:cache:`
//   state          hash: epoch, floor (of all topics), cursor (of the events), server (its start, for which the cursor is good)
//   lease          "<run id of Redis> <epoch>", for seconds: the reader of events has read all that there was
//   f:<epoch>:<topic>   floor: "<position>.<number of changes>", for a day
//   v:<epoch>:<topic>   hash of values, for minutes
// A new epoch makes all values and floors unreachable at once. The names are made in the scripts: for one Redis, not for a cluster.

const NAMES = `
  local function f(epoch, topic) return 'chat:cache:f:' .. epoch .. ':' .. topic end
  local function v(epoch, topic) return 'chat:cache:v:' .. epoch .. ':' .. topic end
  local function change(epoch, topic, lsn, ttl)
    local seen = redis.call('GET', f(epoch, topic)) or ''
    local floor, count = string.sub(seen, 1, 16), tonumber(string.sub(seen, 18)) or 0
    if floor < lsn then floor = lsn end
    redis.call('SET', f(epoch, topic), floor .. '.' .. (count + 1), 'PX', ttl)
    redis.call('DEL', v(epoch, topic))
  end
`;

/** ARGV: topic, field, topic, field ... Returns lease, epoch, floor of all, and a floor and a value for each topic. */
export const LOOK = `${NAMES}
  local state = redis.call('HMGET', 'chat:cache:state', 'epoch', 'floor')
  local epoch = state[1] or ''
  local out = { redis.call('GET', 'chat:cache:lease') or '', epoch, state[2] or '' }
  for i = 1, #ARGV, 2 do
    out[#out + 1] = redis.call('GET', f(epoch, ARGV[i])) or ''
    out[#out + 1] = redis.call('HGET', v(epoch, ARGV[i]), ARGV[i + 1])
  end
  return out
`;

/** ARGV: lease and floor as they were at the look, topic, field, value, milliseconds. Stores unless either has changed. */
export const STORE = `${NAMES}
  local epoch = redis.call('HGET', 'chat:cache:state', 'epoch') or ''
  if redis.call('GET', 'chat:cache:lease') ~= ARGV[1] then return 0 end
  if (redis.call('GET', f(epoch, ARGV[3])) or '') ~= ARGV[2] then return 0 end
  redis.call('HSET', v(epoch, ARGV[3]), ARGV[4], ARGV[5])
  redis.call('PEXPIRE', v(epoch, ARGV[3]), ARGV[6])
  return 1
`;

/** ARGV: position, milliseconds, topics. Removes their values and raises their floors. */
export const CHANGE = `${NAMES}
  local epoch = redis.call('HGET', 'chat:cache:state', 'epoch') or ''
  for i = 3, #ARGV do change(epoch, ARGV[i], ARGV[1], ARGV[2]) end
  return 1
`;

/**
 * For the reader of events. ARGV: cursor that the page was read from, cursor behind it, position, milliseconds, topics.
 * Together, so that a Redis that comes back with an older cursor has older values too, and the page is read again.
 */
export const MOVE = `${NAMES}
  local state = redis.call('HMGET', 'chat:cache:state', 'cursor', 'epoch')
  if not state[1] or state[1] ~= ARGV[1] then return 0 end
  for i = 5, #ARGV do change(state[2], ARGV[i], ARGV[3], ARGV[4]) end
  redis.call('HSET', 'chat:cache:state', 'cursor', ARGV[2])
  return 1
`;

/** ARGV: new epoch, cursor, position, and the start of the server if it is another one. Empties all caches. */
export const START_OVER = `
  redis.call('DEL', 'chat:cache:lease')
  redis.call('HSET', 'chat:cache:state', 'epoch', ARGV[1], 'cursor', ARGV[2], 'floor', ARGV[3])
  if ARGV[4] then redis.call('HSET', 'chat:cache:state', 'server', ARGV[4]) end
  return 1
`;

/** ARGV: position. What Redis forgot of floors that no event announces is covered by one floor of all. */
export const RAISE_ALL = `
  redis.call('DEL', 'chat:cache:lease')
  if redis.call('HEXISTS', 'chat:cache:state', 'cursor') == 0 then return 0 end
  redis.call('HSET', 'chat:cache:state', 'floor', ARGV[1])
  return 1
`;

/** ARGV: cursor behind which there was no event, run id, milliseconds. */
export const LEASE = `
  local state = redis.call('HMGET', 'chat:cache:state', 'cursor', 'epoch')
  if not state[1] or state[1] ~= ARGV[1] then return 0 end
  redis.call('SET', 'chat:cache:lease', ARGV[2] .. ' ' .. state[2], 'PX', ARGV[3])
  return 1
`;
