import { Fragment, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Conversation, Id, Member, Message } from "../../../shared/protocol.js";
import type { Chat } from "../chat/chat.js";
import type { State } from "../chat/state.js";
import { MessageItem } from "./MessageItem.js";
import { dayOf, isSameDay } from "./names.js";
import { PendingItem } from "./PendingItem.js";

interface Props {
  chat: Chat;
  state: State;
  conversation: Conversation;
  onReply: (message: Message) => void;
  onEdit: (message: Message) => void;
}

const NEAR_END_PX = 80;
const TOGETHER_MS = 5 * 60_000;

export function MessageList({ chat, state, conversation, onReply, onEdit }: Props) {
  const { id } = conversation;
  const thread = state.threads.get(id);
  const messages = thread?.messages ?? [];
  const pending = state.pending.filter(({ conversationId }) => conversationId === id);
  const [isBusy, setIsBusy] = useState(false);
  const list = useScroll(messages[0]?.id, messages.at(-1)?.id, pending.length);
  useReading(chat, conversation, messages.at(-1));
  const readers = readersAt(messages, conversation, chat.me);

  const loadEarlier = (): void => {
    setIsBusy(true);
    chat.attempt(chat.loadEarlier(id).finally(() => setIsBusy(false)));
  };
  return (
    <div className="messages" ref={list} tabIndex={0} role="region" aria-label="Messages">
      {thread?.isLoaded && thread.hasEarlier && (
        <button type="button" className="earlier" disabled={isBusy} onClick={loadEarlier}>{isBusy ? "Loading…" : "Earlier messages"}</button>
      )}
      {thread?.isLoaded && messages.length + pending.length === 0 && <p className="empty">Nothing here yet. Only the members can read what is written here.</p>}
      <ol role="log" aria-busy={!thread?.isLoaded}>
        {messages.map((message, at) => {
          const before = messages[at - 1];
          return (
            <Fragment key={message.id}>
              {(!before || !isSameDay(before.createdAt, message.createdAt)) && <li className="day"><span>{dayOf(message.createdAt)}</span></li>}
              <MessageItem
                chat={chat} conversation={conversation} message={message} isDelivered={state.delivered.has(message.id)}
                continues={isTogether(before, message)} readers={readers.get(message.id) ?? []}
                repliedTo={message.replyToId === null ? null : (messages.find((other) => other.id === message.replyToId) ?? "earlier")}
                onReply={onReply} onEdit={onEdit}
              />
            </Fragment>
          );
        })}
        {pending.map((each) => <PendingItem key={each.id} chat={chat} pending={each} />)}
      </ol>
    </div>
  );
}

const isTogether = (before: Message | undefined, message: Message): boolean =>
  before !== undefined && before.senderId === message.senderId && isSameDay(before.createdAt, message.createdAt)
  && Date.parse(message.createdAt) - Date.parse(before.createdAt) < TOGETHER_MS;

/** For each message the members who have read up to it and no further. Who has answered since has read everything before. */
function readersAt(messages: readonly Message[], conversation: Conversation, me: Id): Map<Id, Member[]> {
  const found = new Map<Id, Member[]>();
  for (const member of conversation.members) {
    if (member.userId === me || member.hasLeft) continue;
    const last = messages.findLast(({ id, senderId }) => id <= (member.lastReadMessageId ?? "") || senderId === member.userId);
    if (last && last.senderId !== member.userId) found.set(last.id, [...(found.get(last.id) ?? []), member]);
  }
  return found;
}

/** Stay at the end while new messages come, and in place while earlier ones are added above. */
function useScroll(first: Id | undefined, last: Id | undefined, pending: number) {
  const list = useRef<HTMLDivElement>(null);
  const was = useRef({ height: 0, first: undefined as Id | undefined, isAtEnd: true });
  useEffect(() => {
    const element = list.current;
    if (!element) return undefined;
    const follow = (): void => {
      was.current.isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
    };
    // Also when the window, the message box or a message changes its height.
    const observer = new ResizeObserver(() => {
      if (was.current.isAtEnd) element.scrollTop = element.scrollHeight;
    });
    element.addEventListener("scroll", follow, { passive: true });
    for (const watched of [element, ...element.querySelectorAll("ol")]) observer.observe(watched);
    return () => {
      element.removeEventListener("scroll", follow);
      observer.disconnect();
    };
  }, []);
  useLayoutEffect(() => {
    const element = list.current;
    if (!element) return;
    const before = was.current;
    if (before.first !== undefined && first !== undefined && first < before.first) element.scrollTop += element.scrollHeight - before.height;
    else if (before.isAtEnd || pending > 0) element.scrollTop = element.scrollHeight;
    was.current = { ...before, first, height: element.scrollHeight };
  }, [first, last, pending]);
  return list;
}

/** Mark the newest message as read while its conversation is open and the page is visible. */
function useReading(chat: Chat, conversation: Conversation, newest: Message | undefined): void {
  useEffect(() => {
    const mark = (): void => {
      if (newest && document.visibilityState === "visible") chat.markRead(conversation.id, newest.id);
    };
    mark();
    document.addEventListener("visibilitychange", mark);
    return () => document.removeEventListener("visibilitychange", mark);
  }, [chat, conversation.id, newest]);
}
