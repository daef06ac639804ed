// Conversations as a user sees them: put together from two caches, and from what is never cached.
import type { Conversation, Id, Message, PublicKey } from "../shared/protocol";
import { asUser, reading, type Actor } from "./acting";
import { look } from "./cache/cache";
import * as topics from "./cache/topics";
import { select } from "./database";
import { Refused } from "./errors";
import { NEWEST, REACTIONS, toMessage, type MessageRow, type ReactionRow } from "./message";

const TTL_MS = 600_000;

/** A row of the user's own; the cache `conversations:<user>`. */
export interface Membership {
  id: Id;
  /** From when on the user reads. */
  since: string;
  /** Left and came back: reads from then on, and the own messages of before. */
  hasRejoined: boolean;
  wrappedKeys: string | null;
  wrappedKeysVersion: number | null;
}

/** What is the same for all members; the cache `conversation:<id>`. */
export interface Structure {
  id: Id;
  type: "direct" | "group";
  title: string | null;
  keyVersion: number;
  members: { userId: Id; role: "admin" | "moderator" | "member"; hasLeft: boolean; keyVersion: number | null }[];
}

const MEMBERSHIPS = `
  select p.conversation_id as id, translate(encode(p.encrypted_key, 'base64'), e'\\n', '') as "wrappedKeys", p.key_version as "wrappedKeysVersion",
    coalesce(p.reads_from, date_trunc('milliseconds', p.joined_at)) as since, p.joined_at <> p.created_at as "hasRejoined"
  from public.conversation_participants as p
  join public.conversations as c on c.id = p.conversation_id
  where p.user_id = $1 and p.left_at is null and c.deleted_at is null`;

const STRUCTURES = `
  select c.id, c.type, c.title, c.current_key_version as "keyVersion", (
    select json_agg(json_build_object('userId', p.user_id, 'role', p.role, 'hasLeft', p.left_at is not null, 'keyVersion', p.key_version) order by p.user_id)
    from public.conversation_participants as p where p.conversation_id = c.id
  ) as members
  from public.conversations as c
  where c.id = any ($1::uuid[])`;

// No event announces a read mark or the name of a person, so they are read each time, and from when on the user reads with them. The
// count of unread messages ends at 100.
const MARKS = `
  select p.conversation_id as id, p.user_id as "userId", u.username, u.display_name as "displayName", p.last_read_message_id as "lastRead"
  from public.conversation_participants as p
  join chatschema.people as u on u.id = p.user_id
  where p.conversation_id = any ($1::uuid[])`;
const UNREAD = `
  select v.conversation_id as id, v.since, (
    select count(*)::integer from (
      select from public.messages as m
      where m.conversation_id = v.conversation_id and m.id > coalesce(p.last_read_message_id, v.since_id)
        and m.sender_id is distinct from v.user_id and not m.is_deleted
      limit 100
    ) as few
  ) as unread
  from chatschema.memberships as v
  join public.conversation_participants as p on p.conversation_id = v.conversation_id and p.user_id = v.user_id
  where v.conversation_id = any ($1::uuid[])`;
const KEYS = `
  select k.id, k.user_id as "userId", translate(encode(k.public_key, 'base64'), e'\\n', '') as "publicKey", k.algorithm
  from public.user_public_keys as k
  where k.user_id = any ($1::uuid[]) and k.key_type = 'identity' and k.device_id is null and k.status = 'active'`;

/** The conversations that a user takes part in. */
export async function membershipsOf(actor: Actor): Promise<Membership[]> {
  const topic = topics.conversations(actor.id);
  const seen = await look([topic, topics.written(actor.id)]);
  const cached = seen.value(topic);
  if (cached !== null) return JSON.parse(cached) as Membership[];
  const found = await reading(actor, seen, () => select<Membership & { since: Date | string }>(MEMBERSHIPS, [actor.id]));
  const memberships = found.map((row) => ({ ...row, since: new Date(row.since).toISOString() }));
  seen.store(topic, memberships, TTL_MS);
  return memberships;
}

/** The user's row of one conversation. Refused, as one that does not exist, if the user does not take part. */
export async function membershipOf(actor: Actor, conversationId: Id): Promise<Membership> {
  const found = (await membershipsOf(actor)).find(({ id }) => id === conversationId);
  if (!found) throw new Refused(404, "not_found", "there is no such conversation");
  return found;
}

/** Conversations with their members, of those that the user takes part in. */
export async function structuresOf(actor: Actor, ids: Id[]): Promise<Map<Id, Structure>> {
  const seen = await look([...ids.map(topics.conversation), topics.written(actor.id)]);
  const found = new Map<Id, Structure>();
  for (const id of ids) {
    const cached = seen.value(topics.conversation(id));
    if (cached !== null) found.set(id, JSON.parse(cached) as Structure);
  }
  const missing = ids.filter((id) => !found.has(id));
  if (missing.length > 0) {
    for (const structure of await reading(actor, seen, () => select<Structure>(STRUCTURES, [missing]))) {
      found.set(structure.id, structure);
      seen.store(topics.conversation(structure.id), structure, TTL_MS);
    }
  }
  return found;
}

/** Some of the user's conversations, or all. */
export async function conversationsOf(actor: Actor, only?: Id): Promise<Conversation[]> {
  const memberships = (await membershipsOf(actor)).filter(({ id }) => only === undefined || id === only);
  const ids = memberships.map(({ id }) => id);
  if (ids.length === 0) return [];
  const structures = await structuresOf(actor, ids);
  const seen = await look([topics.written(actor.id), ...ids.flatMap((id) => [topics.marks(id), topics.messages(id)])]);
  const { marks, own, last } = await reading(actor, seen, async () => ({
    marks: await select<{ id: Id; userId: Id; username: string; displayName: string | null; lastRead: Id | null }>(MARKS, [ids]),
    own: new Map((await select<{ id: Id; since: Date; unread: number }>(UNREAD, [ids])).map((row) => [row.id, row])),
    last: await newestOf(ids),
  }));
  return memberships.flatMap(({ id, wrappedKeys, wrappedKeysVersion }) => {
    const [structure, mine] = [structures.get(id), own.get(id)];
    if (!structure || !mine) return []; // closed or left since
    const members = structure.members.flatMap((member) => {
      const mark = marks.find((row) => row.id === id && row.userId === member.userId);
      return mark ? [{ ...member, username: mark.username, displayName: mark.displayName, lastReadMessageId: mark.lastRead }] : [];
    });
    const readsFrom = new Date(mine.since).toISOString();
    return [{ ...structure, members, wrappedKeys, wrappedKeysVersion, readsFrom, unread: mine.unread, lastMessage: last.get(id) ?? null }];
  });
}

/** In a transaction: the newest message of each conversation. */
async function newestOf(ids: Id[]): Promise<Map<Id, Message>> {
  const rows = await select<MessageRow>(NEWEST, [ids]);
  const reactions = await select<ReactionRow>(REACTIONS, [rows.map(({ id }) => id)]);
  return new Map(rows.map((row) => [row.conversation_id, toMessage(row, reactions)]));
}

/** One conversation, with the keys for which its own are wrapped. */
export async function conversationOf(actor: Actor, id: Id): Promise<{ conversation: Conversation; keys: PublicKey[] }> {
  const [conversation] = await conversationsOf(actor, id);
  if (!conversation) throw new Refused(404, "not_found", "there is no such conversation");
  return { conversation, keys: await keysOf(actor, conversation.members.filter(({ hasLeft }) => !hasLeft).map(({ userId }) => userId)) };
}

/** The identity keys of people. From the primary: somebody who has just registered is there first. */
export async function keysOf(actor: Actor, userIds: Id[]): Promise<PublicKey[]> {
  return asUser(actor, () => select<PublicKey>(KEYS, [userIds]));
}
