import { type FormEvent, type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Conversation, Message } from "../../../shared/protocol.js";
import type { Chat } from "../chat/chat.js";
import { Icon } from "./Icon.js";
import { memberOf, nameOf, titleOf } from "./names.js";

export type Draft = { kind: "new" } | { kind: "reply" | "edit"; message: Message; text: string };

interface Props {
  chat: Chat;
  conversation: Conversation;
  draft: Draft;
  onDone: () => void;
  onEditLast: () => void;
}

/** The schema takes 65,536 bytes of ciphertext, and a letter may take four. */
const MOST_LETTERS = 10_000;

/** The box to write in: Enter sends, Shift and Enter begin a line, Escape cancels, the up arrow edits the last message. */
export function Composer({ chat, conversation, draft, onDone, onEditLast }: Props) {
  const [text, setText] = useState("");
  const box = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    if (draft.kind === "edit") setText(draft.text);
    if (draft.kind !== "new" || matchMedia("(hover: hover)").matches) box.current?.focus();
  }, [draft]);
  useLayoutEffect(() => {
    if (!box.current) return;
    box.current.style.height = "auto";
    box.current.style.height = `${box.current.scrollHeight}px`;
  }, [text]);

  const finish = (): void => {
    setText("");
    onDone();
  };
  const submit = (event?: FormEvent): void => {
    event?.preventDefault();
    const written = text.trim();
    if (written === "") return;
    if (draft.kind === "edit") chat.attempt(chat.edit(draft.message, written));
    else chat.send(conversation.id, written, draft.kind === "reply" ? draft.message.id : null);
    finish();
  };
  const press = (event: KeyboardEvent): void => {
    // While an input method composes a letter, Enter confirms the letter.
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && draft.kind !== "new") finish();
    else if (event.key === "ArrowUp" && text === "") {
      event.preventDefault();
      onEditLast();
    }
  };
  return (
    <form className="composer" onSubmit={submit}>
      {draft.kind !== "new" && (
        <div className="about">
          <Icon name={draft.kind} />
          <p><b>{draft.kind === "edit" ? "Edit message" : `Reply to ${nameOf(memberOf(conversation, draft.message.senderId))}`}</b> {draft.text}</p>
          <button type="button" className="plain" aria-label="Cancel" onClick={finish}><Icon name="close" /></button>
        </div>
      )}
      <div className="write">
        <label className="unseen" htmlFor="message">Message to {titleOf(conversation, chat.me)}</label>
        <textarea
          id="message" ref={box} rows={1} value={text} maxLength={MOST_LETTERS} placeholder="Write a message" dir="auto" autoComplete="off"
          onChange={(event) => { setText(event.target.value); chat.typing(conversation.id); }} onKeyDown={press}
        />
        <button className="primary round" disabled={text.trim() === ""} aria-label={draft.kind === "edit" ? "Save" : "Send"}><Icon name="send" /></button>
      </div>
    </form>
  );
}
