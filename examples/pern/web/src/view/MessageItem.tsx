import { useRef, useState } from "react";
import type { Conversation, Id, Member, Message } from "../../../shared/protocol.js";
import type { Chat } from "../chat/chat.js";
import { Avatar } from "./Avatar.js";
import { Icon } from "./Icon.js";
import { Menu } from "./Menu.js";
import { clock, listed, memberOf, moment, nameOf } from "./names.js";
import { labelOf, REACTIONS } from "./reactions.js";

interface Props {
  chat: Chat;
  conversation: Conversation;
  message: Message;
  repliedTo: Message | "earlier" | null;
  /** Of the same sender and shortly after the one before. */
  continues: boolean;
  isDelivered: boolean;
  readers: readonly Member[];
  onReply: (message: Message) => void;
  onEdit: (message: Message) => void;
}

export function MessageItem({ chat, conversation, message, repliedTo, continues, isDelivered, readers, onReply, onEdit }: Props) {
  const isMine = message.senderId === chat.me;
  const sender = nameOf(memberOf(conversation, message.senderId));
  const { text, failure } = chat.read(message);
  const isReadable = text !== null && !message.isDeleted;
  const name = (id: Id | null): string => (id === chat.me ? "You" : nameOf(memberOf(conversation, id)));
  return (
    <li className={`message${isMine ? " mine" : ""}${continues ? " continues" : ""}`} data-id={message.id} data-key={message.keyVersion ?? ""}>
      {!isMine && conversation.type === "group" && <span className="face">{!continues && <Avatar id={message.senderId ?? ""} name={sender} isSmall />}</span>}
      <div className="body">
        {!isMine && !continues && conversation.type === "group" && <p className="sender">{sender}</p>}
        <div className="line">
          <div className={`bubble${isReadable ? "" : " none"}`}>
            <span className="unseen">{name(message.senderId)}: </span>
            {repliedTo && <Quote chat={chat} message={repliedTo} name={repliedTo === "earlier" ? "" : name(repliedTo.senderId)} />}
            {message.isDeleted && <p>Message deleted</p>}
            {!message.isDeleted && text !== null && <p className="text" dir="auto">{text}</p>}
            {!message.isDeleted && failure !== null && <p><Icon name="lock" /> {failure}</p>}
            <p className="meta">
              {message.editedAt && !message.isDeleted && <span title={`Edited ${moment(message.editedAt)}`}>edited</span>}
              <time dateTime={message.createdAt} title={`${moment(message.createdAt)}, key ${message.keyVersion ?? "none"}`}>{clock(message.createdAt)}</time>
              {isMine && <><Icon name={isDelivered ? "delivered" : "sent"} /><span className="unseen">{isDelivered ? "delivered" : "sent"}</span></>}
            </p>
          </div>
          {!message.isDeleted && (
            <Actions
              chat={chat} conversation={conversation} message={message} canEdit={isMine && isReadable} onReply={onReply} onEdit={onEdit}
              label={`Actions for the message by ${name(message.senderId)}, ${clock(message.createdAt)}`}
            />
          )}
        </div>
        <Reactions chat={chat} message={message} name={name} />
        {readers.length > 0 && (
          <p className="readers" title={`Read by ${listed(readers.map(nameOf))}`}>
            <span className="unseen">Read by {listed(readers.map(nameOf))}</span>
            {readers.slice(0, 5).map((member) => <Avatar key={member.userId} id={member.userId} name={nameOf(member)} isSmall />)}
            <span aria-hidden="true">Read</span>
          </p>
        )}
      </div>
    </li>
  );
}

function Quote({ chat, message, name }: { chat: Chat; message: Message | "earlier"; name: string }) {
  if (message === "earlier") return <blockquote>An earlier message</blockquote>;
  const text = message.isDeleted ? "Message deleted" : (chat.read(message).text ?? "Cannot be decrypted");
  return <blockquote dir="auto"><b>{name}</b> {text}</blockquote>;
}

function Reactions({ chat, message, name }: { chat: Chat; message: Message; name: (id: Id) => string }) {
  const given = [...new Set(message.reactions.flatMap(({ reactions }) => reactions))];
  if (given.length === 0 || message.isDeleted) return null;
  return (
    <ul className="reactions" aria-label="Reactions">
      {given.map((reaction) => {
        const people = message.reactions.filter(({ reactions }) => reactions.includes(reaction)).map(({ userId }) => userId);
        return (
          <li key={reaction}>
            <button
              type="button" aria-pressed={people.includes(chat.me)} title={listed(people.map(name))}
              aria-label={`${labelOf(reaction)}: ${listed(people.map(name))}`} onClick={() => chat.attempt(chat.react(message, reaction))}
            >
              {reaction} <span>{people.length}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

type ActionsProps = Pick<Props, "chat" | "conversation" | "message" | "onReply" | "onEdit"> & { canEdit: boolean; label: string };

function Actions({ chat, conversation, message, canEdit, label, onReply, onEdit }: ActionsProps) {
  const [isOpen, setIsOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const role = memberOf(conversation, chat.me)?.role;
  const canRemove = message.senderId === chat.me || (conversation.type === "group" && (role === "admin" || role === "moderator"));
  // My own messages of before I came back: shown, but the conversation of that time is not mine any more.
  const canReact = message.createdAt >= conversation.readsFrom;
  const close = (isBack: boolean): void => {
    setIsOpen(false);
    if (isBack) button.current?.focus();
  };
  return (
    <div className="actions">
      <button
        ref={button} type="button" className="plain" aria-haspopup="menu" aria-expanded={isOpen} aria-label={label}
        onClick={() => setIsOpen(!isOpen)}
      >
        <Icon name="more" />
      </button>
      {isOpen && (
        <Menu
          onClose={close}
          reactions={canReact ? REACTIONS : []} onReact={(reaction) => chat.attempt(chat.react(message, reaction))}
          items={[
            { icon: "reply", label: "Reply", run: () => onReply(message) },
            ...(canEdit ? [{ icon: "edit" as const, label: "Edit", run: () => onEdit(message) }] : []),
            ...(canRemove ? [{ icon: "remove" as const, label: "Delete for everybody", run: () => chat.attempt(chat.remove(message)) }] : []),
          ]}
        />
      )}
    </div>
  );
}
