// How people, conversations and times are written.
import type { Conversation, Id, Member } from "../../../shared/protocol.js";

export const nameOf = (member: { username: string; displayName: string | null } | undefined): string =>
  member?.displayName ?? member?.username ?? "Somebody";

export const memberOf = (conversation: Conversation, id: Id | null): Member | undefined =>
  conversation.members.find(({ userId }) => userId === id);

export const present = (conversation: Conversation): Member[] => conversation.members.filter(({ hasLeft }) => !hasLeft);

export const othersOf = (conversation: Conversation, me: Id): Member[] => present(conversation).filter(({ userId }) => userId !== me);

export function titleOf(conversation: Conversation, me: Id): string {
  if (conversation.type === "direct") return nameOf(conversation.members.find(({ userId }) => userId !== me));
  return conversation.title ?? (othersOf(conversation, me).map(nameOf).join(", ") || "Only you");
}

/** "Ann", "Ann and Bob", "Ann, Bob and 3 more". */
export function listed(names: readonly string[]): string {
  if (names.length > 3) return `${names.slice(0, 2).join(", ")} and ${names.length - 2} more`;
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : (names[0] ?? "");
}

const CLOCK = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });
const SHORT_DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });
const MOMENT = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });

export const clock = (time: string): string => CLOCK.format(new Date(time));
export const moment = (time: string): string => MOMENT.format(new Date(time));
export const isSameDay = (one: string, other: string): boolean => new Date(one).toDateString() === new Date(other).toDateString();

export function dayOf(time: string, now = new Date()): string {
  const yesterday = new Date(now);
  yesterday.setDate(now.getDate() - 1);
  if (isSameDay(time, now.toISOString())) return "Today";
  return isSameDay(time, yesterday.toISOString()) ? "Yesterday" : DAY.format(new Date(time));
}

/** The time of today, the day of anything earlier. */
export const brief = (time: string): string =>
  isSameDay(time, new Date().toISOString()) ? clock(time) : SHORT_DAY.format(new Date(time));
