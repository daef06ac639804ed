// What the page knows, and how each event of the server changes it. No texts: a message is decrypted where it is shown.
import type { Conversation, Id, Message } from "../../../shared/protocol.js";

export interface Thread {
  /** Oldest first, without a gap. */
  messages: readonly Message[];
  hasEarlier: boolean;
  /** Whether the newest page was read. What arrives before is kept. */
  isLoaded: boolean;
}

/** A message that the server has not confirmed. */
export interface Pending {
  id: Id;
  conversationId: Id;
  text: string;
  replyToId: Id | null;
  /** Why it was refused; null while it waits. */
  failure: string | null;
}

export interface State {
  connection: "connecting" | "online" | "offline";
  isLoaded: boolean;
  conversations: ReadonlyMap<Id, Conversation>;
  threads: ReadonlyMap<Id, Thread>;
  selected: Id | null;
  pending: readonly Pending[];
  online: ReadonlySet<Id>;
  /** For each conversation who types, and until when, in milliseconds since 1970. */
  typing: ReadonlyMap<Id, ReadonlyMap<Id, number>>;
  /** Messages that have reached somebody else. */
  delivered: ReadonlySet<Id>;
  /** Shown to the user until dismissed. */
  notice: string | null;
}

export const INITIAL: State = {
  connection: "connecting", isLoaded: false, conversations: new Map(), threads: new Map(), selected: null, pending: [],
  online: new Set(), typing: new Map(), delivered: new Set(), notice: null,
};

export const withEntry = <K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> => new Map(map).set(key, value);

export function without<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  const next = new Map(map);
  next.delete(key);
  return next;
}

export function withConversation(state: State, conversation: Conversation): State {
  return { ...state, conversations: withEntry(state.conversations, conversation.id, conversation) };
}

export function withoutConversation(state: State, id: Id): State {
  const { conversations, threads, selected, pending } = state;
  return {
    ...state, conversations: without(conversations, id), threads: without(threads, id), selected: selected === id ? null : selected,
    pending: pending.filter((message) => message.conversationId !== id),
  };
}

function changed(state: State, id: Id, change: (conversation: Conversation) => Conversation): State {
  const conversation = state.conversations.get(id);
  return conversation ? withConversation(state, change(conversation)) : state;
}

function rethreaded(state: State, id: Id, change: (messages: readonly Message[]) => readonly Message[]): State {
  const thread = state.threads.get(id);
  return thread ? { ...state, threads: withEntry(state.threads, id, { ...thread, messages: change(thread.messages) }) } : state;
}

const byId = (one: Message, other: Message): number => (one.id < other.id ? -1 : 1);

/** The newest page is being fetched. */
export const withLoading = (state: State, id: Id): State =>
  state.threads.has(id) ? state : { ...state, threads: withEntry(state.threads, id, { messages: [], hasEarlier: true, isLoaded: false }) };

/** The newest pages, instead of what was loaded; what has arrived since they were read stays. */
export function withNewestPages(state: State, id: Id, pages: readonly Message[], hasEarlier: boolean): State {
  const read = [...pages].sort(byId);
  const since = (state.threads.get(id)?.messages ?? []).filter((message) => message.id > (read.at(-1)?.id ?? ""));
  return { ...state, threads: withEntry(state.threads, id, { messages: [...read, ...since], hasEarlier, isLoaded: true }) };
}

export function withEarlierPage(state: State, id: Id, page: readonly Message[], hasEarlier: boolean): State {
  const thread = state.threads.get(id);
  if (!thread) return state;
  const first = thread.messages[0]?.id ?? "g";
  const earlier = page.filter((message) => message.id < first).sort(byId);
  return { ...state, threads: withEntry(state.threads, id, { ...thread, messages: [...earlier, ...thread.messages], hasEarlier }) };
}

/** A message that is new or has changed. What is older than the loaded pages stays out. */
export function withMessage(state: State, message: Message): State {
  const next = rethreaded(state, message.conversationId, (messages) => {
    if (messages.some(({ id }) => id === message.id)) return messages.map((old) => (old.id === message.id ? message : old));
    const hasEarlier = state.threads.get(message.conversationId)?.hasEarlier ?? false;
    if (hasEarlier && messages[0] && message.id < messages[0].id) return messages;
    return [...messages, message].sort(byId);
  });
  const confirmed = { ...next, pending: next.pending.filter(({ id }) => id !== message.id) };
  return changed(confirmed, message.conversationId, (conversation) =>
    (conversation.lastMessage?.id ?? "") <= message.id ? { ...conversation, lastMessage: message } : conversation);
}

/** A message of somebody else that has not been seen counts as unread. */
export function withUnread(state: State, message: Message): State {
  const isKnown = state.threads.get(message.conversationId)?.messages.some(({ id }) => id === message.id) ?? false;
  if (isKnown) return state;
  return changed(state, message.conversationId, (conversation) =>
    (conversation.lastMessage?.id ?? "") < message.id ? { ...conversation, unread: conversation.unread + 1 } : conversation);
}

export function withoutMessages(state: State, id: Id, firstId?: Id, lastId?: Id): State {
  const isGone = (message: Message): boolean => (!firstId || message.id >= firstId) && (!lastId || message.id <= lastId);
  const next = rethreaded(state, id, (messages) => messages.filter((message) => !isGone(message)));
  return changed(next, id, (conversation) =>
    conversation.lastMessage && isGone(conversation.lastMessage) ? { ...conversation, lastMessage: null } : conversation);
}

export function withReactions(state: State, conversationId: Id, messageId: Id, userId: Id, reactions: string[]): State {
  return rethreaded(state, conversationId, (messages) =>
    messages.map((message) => {
      if (message.id !== messageId) return message;
      const others = message.reactions.filter((reaction) => reaction.userId !== userId);
      return { ...message, reactions: reactions.length ? [...others, { userId, reactions }] : others };
    }));
}

/** Read marks only rise. One's own also ends what is unread. */
export function withRead(state: State, conversationId: Id, userId: Id, messageId: Id, isMe: boolean): State {
  return changed(state, conversationId, (conversation) => ({
    ...conversation,
    unread: isMe && messageId >= (conversation.lastMessage?.id ?? "") ? 0 : conversation.unread,
    members: conversation.members.map((member) =>
      member.userId === userId && (member.lastReadMessageId ?? "") < messageId ? { ...member, lastReadMessageId: messageId } : member),
  }));
}
