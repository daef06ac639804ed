import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Conversation, Member, Message, PublicKey } from "../../../shared/protocol.js";
import * as c from "./index.js";

before(() => c.ready);

const made = new Map<string, Person>();
/** Deriving secrets is slow on purpose: once a name. */
const person = (name: string): Person => {
  const known = made.get(name) ?? derived(name);
  made.set(name, known);
  return known;
};
const derived = (name: string) => {
  const secrets = c.deriveSecrets(name, `password of ${name}`);
  const identity = c.identityOf(secrets.seed);
  const key: PublicKey = { id: `key-${name}`, userId: name, publicKey: c.publicHalf(identity), algorithm: "x25519" };
  const member: Member = {
    userId: name, username: name, displayName: null, role: "member", hasLeft: false, lastReadMessageId: null, keyVersion: null,
  };
  return { name, secrets, identity, key, member };
};
type Person = ReturnType<typeof derived>;

const conversationOf = (people: Person[], keyVersion = 1, versions: Record<string, number> = {}): Conversation => ({
  id: "conversation", type: "group", title: null, keyVersion, wrappedKeys: null, wrappedKeysVersion: null,
  readsFrom: "2026-01-01T00:00:00.000Z", unread: 0, lastMessage: null,
  members: people.map(({ name, member }) => ({ ...member, keyVersion: versions[name] ?? null })),
});
const keysOf = (people: Person[]): PublicKey[] => people.map(({ key }) => key);

function shared(due: ReturnType<typeof c.shareDue>): c.Share {
  assert(due !== null && due !== "wait", `something to share, not ${String(due)}`);
  return due;
}

/** Open what was wrapped for somebody. */
function received(share: c.Share, { name, identity }: Person): c.Ring {
  const entry = share.wrapped.find(({ userId }) => userId === name);
  assert(entry, `nothing for ${name}`);
  const ring = c.openRing(entry.wrappedKeys, identity);
  assert(ring);
  return ring;
}

const place = { conversationId: "conversation", senderId: "alice", messageId: "message" };
const sent = (text: string, ring: c.Ring): Message => {
  const { encryptedContent, nonce, algorithm, keyVersion } = c.encryptText(text, ring, place);
  return {
    id: place.messageId, conversationId: place.conversationId, senderId: place.senderId, content: encryptedContent, nonce, algorithm, keyVersion,
    type: "text", replyToId: null, createdAt: "", editedAt: null, isDeleted: false, reactions: [],
  };
};

test("two secrets of a name and a password: the same on each device, and neither is in the other", () => {
  const one = c.deriveSecrets(" Alice ", "correct horse");
  const again = c.deriveSecrets("alice", "correct horse");
  assert.deepEqual(one, again);
  assert.equal(one.password.length, 44);
  assert.notEqual(one.password, c.toBase64(one.seed));
  assert.notEqual(one.password, c.deriveSecrets("bob", "correct horse").password);
  assert.notEqual(one.password, c.deriveSecrets("alice", "correct horsf").password);
});

test("a message is read by whoever has the key, and by nobody else", () => {
  const ring = c.withNewKey(c.EMPTY, 1, []);
  const message = sent("Grüße, 你好 👋", ring);
  assert.equal(c.readMessage(message, ring).text, "Grüße, 你好 👋");
  assert.match(c.readMessage(message, null).failure ?? "", /no key 1/);
  assert.match(c.readMessage(message, c.withNewKey(c.EMPTY, 2, [])).failure ?? "", /no key 1/);
  assert.match(c.readMessage(message, c.withNewKey(c.EMPTY, 1, [])).failure ?? "", /changed/);
});

test("a message cannot be moved: to another conversation, sender, id or version", () => {
  const ring = c.withNewKey(c.withNewKey(c.EMPTY, 1, []), 2, []);
  const message = sent("text", ring);
  const moves: Partial<Message>[] = [{ conversationId: "other" }, { senderId: "bob" }, { id: "other" }, { keyVersion: 1 }];
  for (const move of moves) assert.match(c.readMessage({ ...message, ...move }, ring).failure ?? "", /cannot be decrypted/);
});

test("lengths are rounded up, and the same text is never the same ciphertext", () => {
  const ring = c.withNewKey(c.EMPTY, 1, []);
  const [yes, no] = [sent("yes", ring), sent("no", ring)];
  assert.equal(yes.content?.length, no.content?.length);
  assert.notEqual(sent("yes", ring).content, yes.content);
});

test("a text that is not a message of this page says so", () => {
  const ring = c.withNewKey(c.EMPTY, 1, []);
  assert.match(c.readMessage({ ...sent("x", ring), algorithm: "rot13" }, ring).failure ?? "", /rot13/);
  assert.match(c.readMessage({ ...sent("x", ring), content: "AAAA" }, ring).failure ?? "", /changed/);
});

test("the first key goes to all members; afterwards nothing is due", () => {
  const people = [person("alice"), person("bob")];
  const [alice, bob] = people as [Person, Person];
  const share = shared(c.shareDue(conversationOf(people), keysOf(people), null));
  assert.equal(share.version, 1);
  assert.equal(c.readMessage(sent("hello", received(share, alice)), received(share, bob)).text, "hello");
  assert.equal(c.shareDue(conversationOf(people, 1, { alice: 1, bob: 1 }), keysOf(people), share.ring), null);
});

test("who leaves has no key of the next message, and those who stay have all keys", () => {
  const people = [person("alice"), person("bob"), person("carol")];
  const [alice, bob, carol] = people as [Person, Person, Person];
  const first = shared(c.shareDue(conversationOf(people), keysOf(people), null));
  const old = received(first, carol);
  const left = conversationOf(people, 2, { alice: 1, bob: 1 });
  left.members = left.members.map((member) => (member.userId === "carol" ? { ...member, hasLeft: true } : member));
  const second = shared(c.shareDue(left, keysOf(people), received(first, bob)));
  assert.equal(second.version, 2);
  assert.deepEqual(second.wrapped.map(({ userId }) => userId), ["alice", "bob"]);
  const message = sent("without carol", received(second, alice));
  assert.equal(message.keyVersion, 2);
  assert.equal(c.readMessage(message, received(second, bob)).text, "without carol");
  assert.match(c.readMessage(message, old).failure ?? "", /no key 2/);
  assert.equal(c.readMessage(sent("before", received(first, bob)), received(second, alice)).text, "before");
});

test("who joins gets a new key and no earlier one, also from the members who learn of it later", () => {
  const people = [person("alice"), person("bob"), person("dave")];
  const [alice, , dave] = people as [Person, Person, Person];
  const first = shared(c.shareDue(conversationOf(people.slice(0, 2)), keysOf(people), null));
  const second = shared(c.shareDue(conversationOf(people, 1, { alice: 1, bob: 1 }), keysOf(people), received(first, alice)));
  assert.equal(second.version, 2);
  assert.deepEqual([...received(second, dave).keys.keys()], [2]);
  assert.deepEqual([...received(second, alice).keys.keys()], [1, 2]);
  const third = shared(c.shareDue(conversationOf(people, 3, { alice: 2, bob: 2, dave: 2 }), keysOf(people), received(second, dave)));
  assert.deepEqual([...received(third, dave).keys.keys()], [2, 3]);
  const other = shared(c.shareDue(conversationOf(people, 3, { alice: 2, bob: 2, dave: 2 }), keysOf(people), received(second, alice)));
  assert.deepEqual([...received(other, dave).keys.keys()], [2, 3]);
});

test("a key that others have is waited for, not made a second time", () => {
  const people = [person("alice"), person("bob")];
  assert.equal(c.shareDue(conversationOf(people, 1, { bob: 1 }), keysOf(people), null), "wait");
  const ring = c.withNewKey(c.EMPTY, 1, []);
  assert.equal(c.shareDue(conversationOf(people, 2, { alice: 1, bob: 2 }), keysOf(people), ring), "wait");
  // Nobody has the second: whoever sees it first makes it.
  assert.equal(shared(c.shareDue(conversationOf(people, 2, { alice: 1, bob: 1 }), keysOf(people), ring)).version, 2);
});

test("a member who lacks the newest key is given it", () => {
  const people = [person("alice"), person("bob")];
  const ring = c.withNewKey(c.withNewKey(c.EMPTY, 1, []), 2, []);
  const share = shared(c.shareDue(conversationOf(people, 2, { alice: 2, bob: 1 }), keysOf(people), ring));
  assert.deepEqual([share.version, share.isNew], [2, false]);
  assert.deepEqual(received(share, people[1] as Person).keys, ring.keys);
});

test("two at once: whose key was stored for some only is told, and the next version follows", () => {
  const people = [person("alice"), person("bob"), person("carol")];
  const share = shared(c.shareDue(conversationOf(people), keysOf(people), null));
  assert.deepEqual([c.isWhole(share, ["alice", "bob", "carol"]), c.isTorn(share, ["alice", "bob", "carol"])], [true, false]);
  assert.deepEqual([c.isWhole(share, []), c.isTorn(share, [])], [false, false]);
  assert.equal(c.isTorn(share, ["carol"]), true);
  const all = { alice: 1, bob: 1, carol: 1 };
  assert.equal(shared(c.shareDue(conversationOf(people, 1, all), keysOf(people), share.ring, true)).version, 2);
});

test("a ring is opened by its owner only, and fits into the column however old the conversation is", () => {
  const [alice, bob] = [person("alice"), person("bob")];
  let ring = c.EMPTY;
  for (let version = 1; version <= 300; version += 1) ring = c.withNewKey(ring, version, []);
  const wrapped = c.sealRing(ring, alice.key.publicKey);
  assert(c.fromBase64(wrapped).length <= 8192);
  assert.equal(c.openRing(wrapped, bob.identity), null);
  const opened = c.openRing(wrapped, alice.identity);
  assert(opened && opened.keys.size > 100);
  assert.equal(c.newest(opened), 300);
});

test("ids rise within a millisecond and when the clock is set back, and carry their time", () => {
  let time = 1_764_300_000_000;
  const next = c.idMaker(() => time);
  const ids = Array.from({ length: 10_000 }, (_, at) => {
    if (at === 5_000) time -= 60_000;
    return next();
  });
  assert.deepEqual([...ids].sort(), ids);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(c.timeOf(ids[0] as string), 1_764_300_000_000);
});

test("a safety number is 30 digits of the public key", () => {
  const [alice, bob] = [person("alice"), person("bob")];
  assert.match(c.safetyNumber(alice.key.publicKey), /^(\d{5} ){5}\d{5}$/);
  assert.notEqual(c.safetyNumber(alice.key.publicKey), c.safetyNumber(bob.key.publicKey));
});
