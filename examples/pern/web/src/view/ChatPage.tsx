import { useEffect, useState } from "react";
import type { Chat } from "../chat/chat.js";
import { useStore } from "../chat/store.js";
import { ConversationList } from "./ConversationList.js";
import { Devices } from "./Devices.js";
import { Icon } from "./Icon.js";
import { NewConversation } from "./NewConversation.js";
import { Thread } from "./Thread.js";

/** List and conversation beside each other; on a narrow screen one of them. */
export function ChatPage({ chat }: { chat: Chat }) {
  const state = useStore(chat.store);
  const [dialog, setDialog] = useState<"devices" | "new" | null>(null);
  const conversation = state.selected === null ? undefined : state.conversations.get(state.selected);
  const unread = [...state.conversations.values()].reduce((sum, { unread: count }) => sum + count, 0);

  useEffect(() => {
    document.title = `${unread ? `(${unread}) ` : ""}${chat.session.user.username} · chatschema example`;
  }, [unread, chat]);

  return (
    <div className={`page ${conversation ? "in-thread" : "in-list"}`}>
      {conversation && <a className="skip" href="#message">Skip to the message box</a>}
      <ConversationList chat={chat} state={state} onNew={() => setDialog("new")} onDevices={() => setDialog("devices")} />
      {conversation ? (
        <Thread key={conversation.id} chat={chat} state={state} conversation={conversation} />
      ) : (
        <main className="nothing">
          <Icon name="logo" />
          <p>{state.conversations.size ? "Choose a conversation." : "Begin a conversation: the other person needs an account, for example in a second tab."}</p>
        </main>
      )}
      {state.connection === "offline" && (
        <p className="banner" role="status"><Icon name="alert" /> No connection. What you send is kept and sent as soon as it is back.</p>
      )}
      {state.notice && (
        <div className="toast" role="alert">
          <span>{state.notice}</span>
          <button type="button" className="plain" aria-label="Dismiss" onClick={() => chat.notify(null)}><Icon name="close" /></button>
        </div>
      )}
      {dialog === "devices" && <Devices chat={chat} onClose={() => setDialog(null)} />}
      {dialog === "new" && <NewConversation chat={chat} onClose={() => setDialog(null)} />}
    </div>
  );
}
