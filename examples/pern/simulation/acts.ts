// What people do: mostly they send. Each act waits for its answer, and is written into the record as a promise.
import { setTimeout as sleep } from "node:timers/promises";
import type { Id, Message } from "../shared/protocol";
import { Refused, unless, type Tries } from "./connection";
import type { Person } from "./person";
import type { Place } from "./place";
import { chance, pick, sealed, uuid7 } from "./random";
import type { Mark, Record } from "./record";

const REACTIONS = ["👍", "❤️", "😂", "🎉"];

export class Acts {
  /** `adminOf`: who may let people back into a group. */
  constructor(private readonly person: Person, private readonly record: Record, private readonly adminOf: Map<Id, Person>) {}

  private get connection() {
    return this.person.connection;
  }

  /** One act. What the server refuses for good is counted. */
  async once(): Promise<void> {
    const place = pick([...this.person.places.values()]);
    if (!place) return void (await sleep(100));
    const acts: [number, string, () => Promise<void>][] = [
      [65, "send_message", () => this.send(place)],
      [8, "edit_message", () => this.edit(place)],
      [3, "delete_message", () => this.remove(place)],
      [12, "reaction", () => this.react(place)],
      [8, "read", () => this.read(place)],
      [3, "GET /messages", () => place.fetch()],
      [1, "leave", () => this.leaveAndComeBack(place)],
    ];
    let die = Math.random() * 100;
    const [, call, act] = acts.find(([weight]) => (die -= weight) < 0) ?? acts[0]!;
    await act().catch((error) => this.person.failed(call, error));
  }

  private async send(place: Place): Promise<void> {
    const conversationId = place.conversation.id;
    const content = sealed(place.conversation.keyVersion);
    const replyTo = chance(10) ? pick(place.recent())?.id : undefined;
    const sent = {
      id: uuid7(), conversationId, senderId: this.person.id, versions: [{ nonce: content.nonce, isAcknowledged: false }],
      deletion: "none" as const, isAcknowledged: false, attempts: 0,
    };
    this.record.sent.set(sent.id, sent);
    const at = Date.now();
    const { message } = await this.connection.call("send_message", { ...content, id: sent.id, conversationId, replyToId: replyTo }, sent);
    sent.isAcknowledged = sent.versions[0]!.isAcknowledged = true;
    this.record.times.push({ at, ms: Date.now() - at, attempts: sent.attempts });
    place.add(message as Message);
  }

  private async edit(place: Place): Promise<void> {
    const sent = this.own(place);
    if (!sent) return;
    const content = sealed(place.conversation.keyVersion);
    const version = { nonce: content.nonce, isAcknowledged: false };
    sent.versions.push(version);
    const { message } = await this.connection.call("edit_message", { ...content, conversationId: place.conversation.id, messageId: sent.id });
    version.isAcknowledged = true;
    place.change(message as Message);
  }

  private async remove(place: Place): Promise<void> {
    const sent = this.own(place);
    if (!sent) return;
    sent.deletion = "tried";
    const { message } = await this.connection.call("delete_message", { conversationId: place.conversation.id, messageId: sent.id });
    sent.deletion = "acknowledged";
    place.change(message as Message);
  }

  private async react(place: Place): Promise<void> {
    // To what the person may read: own messages of before coming back are shown, and a reaction to them is refused.
    const message = pick(place.recent().filter(({ isDeleted, createdAt }) => !isDeleted && createdAt >= place.conversation.readsFrom));
    const reaction = pick(REACTIONS)!;
    if (!message) return;
    const key = `${message.id} ${this.person.id} ${reaction}`;
    const isThere = !(this.record.marks.get(key)?.isThere && chance(40));
    const mark: Mark = { conversationId: place.conversation.id, userId: this.person.id, messageId: message.id, reaction, isThere, isSure: false };
    this.record.marks.set(key, mark);
    await this.connection.call(isThere ? "add_reaction" : "remove_reaction", { conversationId: place.conversation.id, messageId: message.id, reaction });
    mark.isSure = true;
  }

  private async read(place: Place): Promise<void> {
    const newest = place.recent()[0];
    if (!newest) return;
    const where = { conversationId: place.conversation.id, messageId: newest.id };
    await this.connection.call("read", where);
    this.record.reads.set(`${where.conversationId} ${this.person.id}`, { ...where, userId: this.person.id });
  }

  /** Leave a group, try to write nevertheless, and be let in again. */
  private async leaveAndComeBack(place: Place): Promise<void> {
    const { id, type } = place.conversation;
    const admin = this.adminOf.get(id);
    if (type !== "group" || !admin || admin === this.person) return;
    this.record.moved.add(`${id} ${this.person.id}`);
    this.record.reads.delete(`${id} ${this.person.id}`);
    await this.connection.request("DELETE", `/conversations/${id}/members/${this.person.id}`).catch(unless("not_found"));
    this.person.left(id);
    await this.intrude(id, place.conversation.keyVersion);
    await sleep(300 + Math.random() * 3_000);
    this.person.comesBack(id);
    await admin.connection.request("POST", `/conversations/${id}/members`, { userId: this.person.id });
    await this.person.sync();
  }

  private async intrude(conversationId: Id, keyVersion: number): Promise<void> {
    const message = { ...sealed(keyVersion), id: uuid7(), conversationId };
    const attempt = { id: message.id, conversationId, senderId: this.person.id, answer: "none" };
    this.record.intruding.push(attempt);
    const tries: Tries = { attempts: 0 };
    await this.connection.call("send_message", message, tries).then(
      () => (attempt.answer = "stored"),
      (error) => (attempt.answer = error instanceof Refused ? error.code : String(error)),
    );
  }

  private own(place: Place) {
    return pick(place.newestFirst().slice(0, 30).flatMap(({ id, isDeleted }) => {
      const sent = this.record.sent.get(id);
      return sent && !isDeleted && sent.senderId === this.person.id && sent.isAcknowledged && sent.deletion === "none" ? [sent] : [];
    }));
  }
}
