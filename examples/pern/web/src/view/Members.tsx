import { type FormEvent, useEffect, useState } from "react";
import type { Conversation, Member } from "../../../shared/protocol.js";
import type { Chat } from "../chat/chat.js";
import type { State } from "../chat/state.js";
import { safetyNumber } from "../crypto/index.js";
import { messageOf } from "../net/errors.js";
import { Avatar } from "./Avatar.js";
import { Dialog } from "./Dialog.js";
import { memberOf, nameOf, present } from "./names.js";
import { findUser } from "./NewConversation.js";

interface Props {
  chat: Chat;
  state: State;
  conversation: Conversation;
  onClose: () => void;
}

/** Who is in the conversation and under which key it is encrypted. */
export function Members({ chat, state, conversation, onClose }: Props) {
  const [failure, setFailure] = useState<string | null>(null);
  const isAdmin = conversation.type === "group" && memberOf(conversation, chat.me)?.role === "admin";

  // With the public keys, for the safety numbers.
  useEffect(() => void chat.reload(conversation.id).catch((error: unknown) => setFailure(messageOf(error))), [chat, conversation.id]);
  const run = (work: Promise<unknown>): void => {
    setFailure(null);
    work.catch((error: unknown) => setFailure(messageOf(error)));
  };
  const leave = (): void => run(chat.removeMember(conversation.id, chat.me));
  return (
    <Dialog title="Members and encryption" onClose={onClose}>
      <p className="hint">Messages are encrypted under key {conversation.keyVersion} of this conversation. When somebody leaves or joins, the next key begins.</p>
      {failure && <p className="notice bad" role="alert">{failure}</p>}
      <ul className="rows">
        {present(conversation).map((member) => (
          <Row
            key={member.userId} chat={chat} state={state} conversation={conversation} member={member}
            canRemove={isAdmin && member.userId !== chat.me} onRemove={() => run(chat.removeMember(conversation.id, member.userId))}
          />
        ))}
      </ul>
      <p className="hint">Compare a safety number with its owner, for example by telephone: it shows that the server handed out the right public key.</p>
      {isAdmin && <AddMember chat={chat} conversation={conversation} onFailure={setFailure} />}
      {conversation.type === "group" && <button type="button" className="danger" onClick={leave}>Leave this group</button>}
    </Dialog>
  );
}

interface RowProps {
  chat: Chat;
  state: State;
  conversation: Conversation;
  member: Member;
  canRemove: boolean;
  onRemove: () => void;
}

function Row({ chat, state, conversation, member, canRemove, onRemove }: RowProps) {
  const name = nameOf(member);
  const key = chat.keys.get(member.userId);
  const isMe = member.userId === chat.me;
  return (
    <li>
      <Avatar id={member.userId} name={name} isOnline={state.online.has(member.userId)} />
      <span>
        <b>{name}{isMe && " (you)"}</b>{conversation.type === "group" && member.role !== "member" && <span className="tag">{member.role}</span>}
        <small className="number">{key ? safetyNumber(key.publicKey) : "No public key"}</small>
        {(member.keyVersion ?? 0) < conversation.keyVersion && <small>Has no key {conversation.keyVersion} yet</small>}
      </span>
      {canRemove && <button type="button" className="danger" onClick={onRemove}>Remove<span className="unseen"> {name}</span></button>}
    </li>
  );
}

function AddMember({ chat, conversation, onFailure }: { chat: Chat; conversation: Conversation; onFailure: (failure: string | null) => void }) {
  const [username, setUsername] = useState("");
  const add = async (): Promise<void> => {
    const { id } = await findUser(chat, username);
    await chat.addMember(conversation.id, id);
    setUsername("");
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onFailure(null);
    add().catch((error: unknown) => onFailure(messageOf(error)));
  };
  return (
    <form onSubmit={submit}>
      <label>Add by user name
        <span className="with-button">
          <input value={username} required autoCapitalize="none" spellCheck={false} autoComplete="off" onChange={(event) => setUsername(event.target.value)} />
          <button>Add</button>
        </span>
      </label>
    </form>
  );
}
