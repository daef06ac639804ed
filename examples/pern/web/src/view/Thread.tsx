import { useState } from "react";
import type { Conversation, Message } from "../../../shared/protocol.js";
import type { Chat } from "../chat/chat.js";
import type { State } from "../chat/state.js";
import { Avatar } from "./Avatar.js";
import { Composer, type Draft } from "./Composer.js";
import { Icon } from "./Icon.js";
import { Members } from "./Members.js";
import { MessageList } from "./MessageList.js";
import { listed, memberOf, nameOf, othersOf, present, titleOf } from "./names.js";

interface Props {
  chat: Chat;
  state: State;
  conversation: Conversation;
}

/** An open conversation. */
export function Thread({ chat, state, conversation }: Props) {
  const [draft, setDraft] = useState<Draft>({ kind: "new" });
  const [isShowingMembers, setIsShowingMembers] = useState(false);
  const title = titleOf(conversation, chat.me);
  const others = othersOf(conversation, chat.me);
  const isOnline = others.some(({ userId }) => state.online.has(userId));
  const hasKey = chat.keeper.ringOf(conversation) !== null;

  const editLast = (): void => {
    const mine = state.threads.get(conversation.id)?.messages.findLast((message) => message.senderId === chat.me && !message.isDeleted);
    const text = mine && chat.read(mine).text;
    if (mine && typeof text === "string") setDraft({ kind: "edit", message: mine, text });
  };
  const start = (kind: "reply" | "edit", message: Message): void => {
    const text = chat.read(message).text ?? "";
    setDraft({ kind, message, text });
  };

  return (
    <main className="thread" aria-label={title}>
      <header className="bar">
        <button type="button" className="plain back" aria-label="Back to the list" onClick={() => chat.select(null)}><Icon name="back" /></button>
        <Avatar id={conversation.type === "direct" ? (others[0]?.userId ?? conversation.id) : conversation.id} name={title} isOnline={isOnline} />
        <div className="who">
          <h2>{title}</h2>
          <p aria-live="polite">{subtitle(chat, state, conversation)}</p>
        </div>
        <button type="button" className="encryption" onClick={() => setIsShowingMembers(true)} title="Members and encryption">
          <Icon name="lock" /><span>Key {conversation.keyVersion}</span><span className="unseen">: members and encryption</span>
        </button>
      </header>
      <MessageList chat={chat} state={state} conversation={conversation} onReply={(message) => start("reply", message)} onEdit={(message) => start("edit", message)} />
      {!hasKey && <p className="waiting" role="status"><Icon name="clock" /> Waiting for the key: a member who has it must be online once.</p>}
      <Composer chat={chat} conversation={conversation} draft={draft} onDone={() => setDraft({ kind: "new" })} onEditLast={editLast} />
      {isShowingMembers && <Members chat={chat} state={state} conversation={conversation} onClose={() => setIsShowingMembers(false)} />}
    </main>
  );
}

function subtitle(chat: Chat, state: State, conversation: Conversation): string {
  const typing = [...(state.typing.get(conversation.id)?.keys() ?? [])].map((id) => nameOf(memberOf(conversation, id)));
  if (typing.length > 0) return conversation.type === "direct" ? "typing…" : `${listed(typing)} ${typing.length > 1 ? "are" : "is"} typing…`;
  const others = othersOf(conversation, chat.me);
  if (others.length === 0) return "Nobody else is here";
  if (conversation.type === "direct") return others.some(({ userId }) => state.online.has(userId)) ? "Online" : "Offline";
  const online = others.filter(({ userId }) => state.online.has(userId)).length;
  return `${present(conversation).length} members, ${online + (state.connection === "online" ? 1 : 0)} online`;
}
