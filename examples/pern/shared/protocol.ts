// What the browser and the server say to each other. Bytes are Base64 (standard alphabet, padded), times ISO 8601 in UTC, ids UUIDs.
// The server never gets a key or a text: `content` is ciphertext, `wrappedKeys` a sealed box.

export type Id = string;
export type Base64 = string;
export type Time = string;

export interface User {
  id: Id;
  username: string;
  displayName: string | null;
}

export interface Device {
  sessionId: Id;
  deviceName: string | null;
  createdAt: Time;
  lastUsedAt: Time | null;
  isThis: boolean;
}

/** The identity key of a user, derived from the password in the browser, so that it is the same on each device. */
export interface PublicKey {
  id: Id;
  userId: Id;
  publicKey: Base64;
  algorithm: "x25519";
}

export interface Member {
  userId: Id;
  username: string;
  displayName: string | null;
  role: "admin" | "moderator" | "member";
  hasLeft: boolean;
  lastReadMessageId: Id | null;
  /** Version of the newest key that was wrapped for this member; null: none yet. */
  keyVersion: number | null;
}

export interface Conversation {
  id: Id;
  type: "direct" | "group";
  title: string | null;
  /** A key of this version is due or in use. */
  keyVersion: number;
  /** All keys of the conversation that I may have, wrapped for my public key; null: ask a member to share them. */
  wrappedKeys: Base64 | null;
  wrappedKeysVersion: number | null;
  members: Member[];
  /** From when on I read, also after coming back. My own messages of before are shown, and cannot be reacted to. */
  readsFrom: Time;
  unread: number;
  lastMessage: Message | null;
}

export interface Reaction {
  userId: Id;
  reactions: string[];
}

export interface Message {
  id: Id;
  conversationId: Id;
  senderId: Id | null;
  /** Null for a message that was deleted or erased. */
  content: Base64 | null;
  nonce: Base64 | null;
  algorithm: string | null;
  keyVersion: number | null;
  type: "text" | "image" | "file" | "audio" | "video" | "system";
  replyToId: Id | null;
  createdAt: Time;
  editedAt: Time | null;
  isDeleted: boolean;
  reactions: Reaction[];
}

/** Every refusal: HTTP status 4xx or 5xx, or the answer of a socket call. `code` is an SQLSTATE or a word of the server, `name` a constraint of errors.md. */
export interface Refusal {
  error: { code: string; name: string | null; message: string; retry: boolean };
}

export interface Login {
  user: User;
  sessionId: Id;
  /** A JSON Web Token, 15 minutes. In the header `Authorization: Bearer`. */
  accessToken: string;
  refreshToken: string;
}

// HTTP, below /api. Without a token: register, login, refresh.
export interface Api {
  /** `password` is derived from what the user types: the server sees neither that nor the private key. 201. */
  "POST /register": { body: { username: string; password: string; displayName?: string; publicKey: Base64; deviceName?: string }; answer: Login };
  "POST /login": { body: { username: string; password: string; deviceName?: string }; answer: Login };
  "POST /refresh": { body: { refreshToken: string }; answer: Login };
  "POST /logout": { body: { refreshToken: string }; answer: Record<string, never> };
  "GET /devices": { answer: { devices: Device[] } };
  "DELETE /devices/:sessionId": { answer: { revoked: boolean } };
  "GET /users/:username": { answer: { user: User; key: PublicKey | null } };
  "GET /conversations": { answer: { conversations: Conversation[] } };
  "GET /conversations/:id": { answer: { conversation: Conversation; keys: PublicKey[] } };
  /** The creator shares the first keys with PUT afterwards. A direct conversation that exists is returned. 201, or 200. */
  "POST /conversations": { body: { type: "direct" | "group"; title?: string; members: Id[] }; answer: { conversation: Conversation; keys: PublicKey[]; isNew: boolean } };
  /** Wraps the keys of `version` for some members. `shared` names those for whom it was stored. */
  "PUT /conversations/:id/keys": { body: { version: number; wrapped: { userId: Id; publicKeyId: Id; wrappedKeys: Base64 }[] }; answer: { shared: Id[] } };
  "POST /conversations/:id/members": { body: { userId: Id }; answer: { conversation: Conversation } };
  /** Oneself: leave. Another: remove, for admins. */
  "DELETE /conversations/:id/members/:userId": { answer: Record<string, never> };
  /** Newest first; `before` is the id of the oldest message that the caller has. */
  "GET /conversations/:id/messages?before=&limit=": { answer: { messages: Message[] } };
  "GET /health": { answer: { database: boolean; replica: boolean; redis: boolean } };
}

// Socket.io, path /socket.io, `auth: { token }` with the access token. Each call has an answer: what is named here, or a Refusal.
// A socket may have missed something while it was away, and the server closes those that it cannot be sure of: after each `connect` fetch
// the conversations and the open page again. A handshake that is refused with `invalid_token` needs POST /refresh first.
export interface ToServer {
  /** The id comes from the browser, a UUIDv7, so that a repeated call is the same message. */
  send_message(data: {
    id: Id; conversationId: Id; encryptedContent: Base64; nonce: Base64; algorithm: string; keyVersion: number; senderKeyId?: Id; type?: Message["type"]; replyToId?: Id;
  }, answer: (result: { message: Message } | Refusal) => void): void;
  edit_message(data: { conversationId: Id; messageId: Id; encryptedContent: Base64; nonce: Base64; algorithm: string; keyVersion: number }, answer: (result: { message: Message } | Refusal) => void): void;
  delete_message(data: { conversationId: Id; messageId: Id }, answer: (result: { message: Message } | Refusal) => void): void;
  add_reaction(data: { conversationId: Id; messageId: Id; reaction: string }, answer: (result: { reactions: string[] } | Refusal) => void): void;
  remove_reaction(data: { conversationId: Id; messageId: Id; reaction: string }, answer: (result: { reactions: string[] } | Refusal) => void): void;
  /** Everything up to this message has been read. */
  read(data: { conversationId: Id; messageId: Id }, answer: (result: Record<string, never> | Refusal) => void): void;
  typing(data: { conversationId: Id }): void;
}

export interface ToBrowser {
  new_message(message: Message): void;
  message_changed(message: Message): void;
  /** Rows are gone: all messages of the conversation from the first to the last id that the browser has; without ids all. */
  messages_removed(data: { conversationId: Id; firstId?: Id; lastId?: Id }): void;
  /**
   * From the outbox of the database, up to a second after the change, whoever made it. Mostly the browser has it already, by new_message or
   * message_changed: after "sent" it fetches the newest page only if it has not got `lastId`; otherwise, at most once a second, those that it shows.
   */
  messages_changed(data: { conversationId: Id; firstId: Id; lastId: Id; change: "sent" | "edited" | "deleted" | "erased" }): void;
  reaction(data: { conversationId: Id; messageId: Id; userId: Id; reactions: string[] }): void;
  read(data: { conversationId: Id; userId: Id; messageId: Id }): void;
  status(data: { conversationId: Id; messageId: Id; userId: Id; status: "delivered" | "read" }): void;
  /** Members, title, keys: fetch it again. */
  conversation_changed(data: { conversationId: Id }): void;
  conversation_removed(data: { conversationId: Id }): void;
  /** After connecting, one for each person of my conversations who is online; then each change. */
  presence(data: { userId: Id; isOnline: boolean }): void;
  typing(data: { conversationId: Id; userId: Id }): void;
  /** This device was signed out elsewhere. The socket closes. */
  session_revoked(): void;
}
