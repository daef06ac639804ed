// What each kind of event (docs/how-to/events.md) makes old, and what the browsers are told. docs/how-to/caching.md has it as a table.
import * as topics from "./topics";

export interface Event {
  cursor: string;
  kind: string;
  table_name: string;
  row_id: string | null;
  conversation_id: string | null;
  user_id: string | null;
  first_id: string | null;
  last_id: string | null;
}

export interface Effect {
  topics: string[];
  /** All caches are emptied, and all browsers fetch again. */
  everything?: boolean;
  /** The browsers of these conversations are told; without it, those of the event's. */
  rooms?: string[];
  tell?: { to: "messages_changed"; change: "sent" | "edited" | "deleted" | "erased" } | { to: "messages_removed" | "conversation_changed" | "conversation_removed" };
  /** The user's sockets enter or leave the room of the conversation. */
  room?: "join" | "leave";
  /** The user's sockets are checked against the sessions that are left. */
  checkSessions?: boolean;
  /** The same for each conversation of the user, or for each member of the conversation. */
  spread?: "conversations of the user" | "members of the conversation";
}

const NOTHING: Effect = { topics: [] };
const EVERYTHING: Effect = { topics: [], everything: true };

/** The effect of an event. One of a kind that is not known here makes everything old. */
export function effect(event: Event): Effect {
  const { kind, conversation_id: conversation, user_id: user } = event;
  const [noun, what = ""] = kind.split(".");
  if (noun === "hold" || noun === "key" || noun === "attachment") return NOTHING;
  if (noun === "session" && user) return { topics: [topics.sessions(user)], checkSessions: true };
  if (noun === "message" && conversation) return ofMessages(conversation, what);
  if (noun === "reaction" && conversation) return { topics: [topics.marks(conversation)], tell: { to: "messages_changed", change: "erased" } };
  if (noun === "participant" && conversation && user) return ofParticipant(conversation, user, what);
  if (noun === "conversation" && conversation) return ofConversation(conversation, what);
  // An erased person is still a participant under a pseudonym; names are not cached, wrapped keys are.
  if (noun === "user" && user) return { topics: [topics.sessions(user), topics.conversations(user)], checkSessions: true, tell: { to: "conversation_changed" }, spread: "conversations of the user" };
  // Expired sessions and statuses; of what else retention removed nothing is cached.
  if (kind === "retention.removed" && !["conversations", "conversation_participants", "messages"].includes(event.table_name)) return NOTHING;
  return EVERYTHING; // among others month.retired, month.dropped and month.restored, which have no conversation
}

function ofMessages(conversation: string, what: string): Effect {
  const both = [topics.messages(conversation), topics.marks(conversation)];
  switch (what) {
    case "sent":
    case "edited":
    case "deleted":
      return { topics: [topics.messages(conversation)], tell: { to: "messages_changed", change: what } };
    case "removed":
    case "purged":
      return { topics: both, tell: { to: "messages_removed" } };
    case "erasing": // a moment before: there is nothing else to fetch yet
      return { topics: both };
    default: // restored, erased
      return { topics: both, tell: { to: "messages_changed", change: "erased" } };
  }
}

function ofParticipant(conversation: string, user: string, what: string): Effect {
  const old = [topics.conversation(conversation), topics.conversations(user)];
  if (what === "added") return { topics: old, room: "join", tell: { to: "conversation_changed" } };
  if (what === "left" || what === "removed") return { topics: old, room: "leave", tell: { to: "conversation_changed" } };
  return { topics: old, tell: { to: "conversation_changed" } };
}

function ofConversation(conversation: string, what: string): Effect {
  const old = [topics.conversation(conversation), topics.messages(conversation), topics.marks(conversation)];
  if (what === "deleted" || what === "removed") return { topics: old, tell: { to: "conversation_removed" }, spread: "members of the conversation" };
  if (what === "erasing" || what === "erased") return { topics: old, tell: { to: "messages_removed" }, spread: "members of the conversation" };
  return { topics: old, tell: { to: "conversation_changed" } };
}
