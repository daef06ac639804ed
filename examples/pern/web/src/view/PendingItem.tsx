import type { Chat } from "../chat/chat.js";
import type { Pending } from "../chat/state.js";
import { Icon } from "./Icon.js";

/** What was typed and is not confirmed yet, or was refused. */
export function PendingItem({ chat, pending: { id, text, failure } }: { chat: Chat; pending: Pending }) {
  return (
    <li className="message mine" data-pending={id}>
      <div className="body">
        <div className="line">
          <div className="bubble waits">
            <p className="text" dir="auto">{text}</p>
            <p className="meta">{failure === null ? <><Icon name="clock" /><span>Waiting to be sent</span></> : <><Icon name="alert" /><span>Not sent</span></>}</p>
          </div>
        </div>
        {failure !== null && (
          <p className="refused" role="alert">{failure}{" "}
            <button type="button" className="link" onClick={() => chat.outbox.retry(id)}>Try again</button>{" "}
            <button type="button" className="link" onClick={() => chat.outbox.remove(id)}>Discard</button>
          </p>
        )}
      </div>
    </li>
  );
}
