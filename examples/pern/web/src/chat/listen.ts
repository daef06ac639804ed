// What the server tells: each event changes the store, or makes the page fetch what has changed.
import type { Id, Message, ToBrowser } from "../../../shared/protocol.js";
import type { Chat } from "./chat.js";
import { withEntry, withMessage, without, withoutConversation, withoutMessages, withReactions, withRead, withUnread } from "./state.js";

const TYPING_MS = 4_000;
const RANK_MS = 800;
const ONCE_MS = 1_000;

/** Follow the events of the chat's socket; returns what ends that. */
export function listen(chat: Chat): () => void {
  const { socket, store, me } = chat;
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const later = (ms: number, work: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, ms);
    timers.add(timer);
  };

  /** Whoever does something is here, also somebody of a conversation that began after this page connected. */
  const isHere = (userId: Id | null): void => {
    if (userId === null || userId === me || store.get().online.has(userId)) return;
    store.set((state) => ({ ...state, online: new Set(state.online).add(userId) }));
  };

  const received = (message: Message): void => {
    isHere(message.senderId);
    store.set((state) => withMessage(message.senderId === me ? state : withUnread(state, message), message));
    stopTyping(message.conversationId, message.senderId);
    const conversation = store.get().conversations.get(message.conversationId);
    // Of a conversation or a key that this page has not heard of yet.
    if (!conversation || (message.keyVersion ?? 0) > (conversation.wrappedKeysVersion ?? 0)) refresh(message.conversationId);
  };

  const refresh = (id: Id): void => chat.attempt(chat.reload(id).then(() => afterChange(id)));

  /** Whoever sees it shares the keys that are due. Each browser waits for its rank, so that usually one of them does it. */
  const afterChange = (id: Id): void => {
    void chat.outbox.flush();
    const { conversations, online } = store.get();
    const conversation = conversations.get(id);
    if (!conversation || !chat.keeper.isDue(conversation)) return;
    const present = conversation.members.filter(({ userId, hasLeft }) => !hasLeft && (userId === me || online.has(userId)));
    // Whoever has no key lets those go first who have one, or who began the conversation.
    const rank = present.map(({ userId }) => userId).sort().indexOf(me) + (chat.keeper.ringOf(conversation) ? 0 : 3);
    later(rank * RANK_MS, () => chat.attempt(chat.keeper.settle(id).then(() => chat.outbox.flush())));
  };

  /** From the outbox: mostly of what this page has already by an event of its own. */
  const outboxed: ToBrowser["messages_changed"] = ({ conversationId, firstId, lastId, change }) => {
    const { threads, conversations } = store.get();
    const messages = threads.get(conversationId)?.messages;
    if (messages === undefined) {
      const newest = conversations.get(conversationId)?.lastMessage?.id ?? "";
      if (newest < lastId || (change !== "sent" && newest <= lastId && newest >= firstId)) refresh(conversationId);
      return;
    }
    const shown = messages.filter(({ id }) => id >= firstId && id <= lastId);
    const isKnown = change === "sent" ? messages.some(({ id }) => id === lastId)
      : shown.every(({ isDeleted }) => change === "deleted" && isDeleted);
    if (!isKnown) loadSoon(conversationId);
  };

  const due = new Set<Id>();
  const loadSoon = (id: Id): void => {
    if (due.has(id)) return;
    due.add(id);
    later(ONCE_MS, () => {
      due.delete(id);
      chat.attempt(chat.loadShown(id));
    });
  };

  const stopTyping = (conversationId: Id, userId: Id | null): void =>
    store.set((state) => {
      const all = state.typing.get(conversationId);
      if (!all || userId === null || !all.has(userId)) return state;
      return { ...state, typing: withEntry(state.typing, conversationId, without(all, userId)) };
    });

  const typed = (conversationId: Id, userId: Id): void => {
    if (userId === me) return;
    isHere(userId);
    const until = Date.now() + TYPING_MS;
    store.set((state) => {
      const all = state.typing.get(conversationId) ?? new Map<Id, number>();
      return { ...state, typing: withEntry(state.typing, conversationId, withEntry(all, userId, until)) };
    });
    later(TYPING_MS, () => {
      if (store.get().typing.get(conversationId)?.get(userId) === until) stopTyping(conversationId, userId);
    });
  };

  const connected = (connection: "online" | "offline"): void => {
    store.set((state) => ({ ...state, connection, ...(connection === "offline" ? { online: new Set<Id>(), typing: new Map() } : {}) }));
    if (connection === "online") chat.attempt(chat.load());
  };

  socket.on("connect", () => connected("online"));
  socket.on("disconnect", () => connected("offline"));
  socket.on("connect_error", () => connected("offline"));
  socket.on("new_message", received);
  socket.on("message_changed", (message) => store.set((state) => withMessage(state, message)));
  socket.on("messages_changed", outboxed);
  socket.on("messages_removed", ({ conversationId, firstId, lastId }) =>
    store.set((state) => withoutMessages(state, conversationId, firstId, lastId)));
  socket.on("reaction", ({ conversationId, messageId, userId, reactions }) =>
    store.set((state) => withReactions(state, conversationId, messageId, userId, reactions)));
  socket.on("read", ({ conversationId, userId, messageId }) => {
    isHere(userId);
    store.set((state) => withRead(state, conversationId, userId, messageId, userId === me));
  });
  socket.on("status", ({ messageId, userId }) => {
    if (userId !== me) store.set((state) => ({ ...state, delivered: new Set(state.delivered).add(messageId) }));
  });
  socket.on("conversation_changed", ({ conversationId }) => refresh(conversationId));
  socket.on("conversation_removed", ({ conversationId }) => store.set((state) => withoutConversation(state, conversationId)));
  socket.on("presence", ({ userId, isOnline }) =>
    store.set((state) => {
      const online = new Set(state.online);
      if (isOnline) online.add(userId);
      else online.delete(userId);
      return { ...state, online };
    }));
  socket.on("typing", ({ conversationId, userId }) => typed(conversationId, userId));

  return () => {
    for (const timer of timers) clearTimeout(timer);
    socket.removeAllListeners();
  };
}
