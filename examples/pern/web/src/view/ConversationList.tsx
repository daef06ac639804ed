import type { Conversation, Id } from "../../../shared/protocol.js";
import type { Chat } from "../chat/chat.js";
import type { State } from "../chat/state.js";
import { timeOf } from "../crypto/index.js";
import { Avatar } from "./Avatar.js";
import { Icon } from "./Icon.js";
import { brief, memberOf, nameOf, othersOf, titleOf } from "./names.js";

interface Props {
  chat: Chat;
  state: State;
  onNew: () => void;
  onDevices: () => void;
}

const latest = (conversation: Conversation): Id => conversation.lastMessage?.id ?? conversation.id;

export function ConversationList({ chat, state, onNew, onDevices }: Props) {
  const { user } = chat.session;
  const conversations = [...state.conversations.values()].sort((one, other) => (latest(one) < latest(other) ? 1 : -1));
  return (
    <aside className="sidebar" aria-label="Conversations">
      <header className="bar">
        <Avatar id={user.id} name={nameOf(user)} isOnline={state.connection === "online"} />
        <div className="who">
          <h1>{nameOf(user)}</h1>
          <p>{state.connection === "online" ? "Online" : state.connection === "offline" ? "Offline" : "Connecting…"}</p>
        </div>
        <button type="button" className="plain" onClick={onDevices} aria-label="Devices" title="Devices"><Icon name="devices" /></button>
        <button type="button" className="plain" onClick={() => chat.attempt(chat.leave())} aria-label="Sign out" title="Sign out"><Icon name="leave" /></button>
      </header>
      <button type="button" className="begin" onClick={onNew}><Icon name="compose" /> New conversation</button>
      <nav aria-label="Conversations">
        <ul className="conversations">
          {conversations.map((conversation) => <Item key={conversation.id} chat={chat} state={state} conversation={conversation} />)}
        </ul>
        {state.isLoaded && conversations.length === 0 && <p className="empty">No conversation yet.</p>}
      </nav>
    </aside>
  );
}

function Item({ chat, state, conversation }: { chat: Chat; state: State; conversation: Conversation }) {
  const title = titleOf(conversation, chat.me);
  const others = othersOf(conversation, chat.me);
  const isOnline = others.some(({ userId }) => state.online.has(userId));
  const shown = conversation.type === "direct" ? (others[0]?.userId ?? conversation.id) : conversation.id;
  const isTyped = (state.typing.get(conversation.id)?.size ?? 0) > 0;
  const time = new Date(timeOf(latest(conversation))).toISOString();
  return (
    <li>
      <button type="button" className="conversation" aria-current={state.selected === conversation.id} onClick={() => chat.select(conversation.id)}>
        <Avatar id={shown} name={title} isOnline={isOnline} />
        <span className="title">{title}{isOnline && <span className="unseen">, online</span>}</span>
        <time dateTime={time}>{brief(time)}</time>
        <span className={`preview${isTyped ? " lively" : ""}`}>{isTyped ? "typing…" : preview(chat, conversation)}</span>
        {conversation.unread > 0 && <span className="unread">{conversation.unread > 99 ? "99+" : conversation.unread}<span className="unseen"> unread</span></span>}
      </button>
    </li>
  );
}

function preview(chat: Chat, conversation: Conversation): string {
  const message = conversation.lastMessage;
  if (!message) return "No message yet";
  if (message.isDeleted) return "Message deleted";
  const text = chat.read(message).text ?? "Cannot be decrypted";
  if (message.senderId === chat.me) return `You: ${text}`;
  return conversation.type === "group" ? `${nameOf(memberOf(conversation, message.senderId))}: ${text}` : text;
}
