// What is cached, each under one topic. The rule: a value has only what an event announces. What no event announces (read marks,
// reactions, names of people) has no value and is read from the database each time; `marks` and `written` are floors alone.

/** The logins of a user that have not ended: family and end. */
export const sessions = (userId: string) => `sessions:${userId}`;
/** The conversations in which a user takes part, with the wrapped keys. */
export const conversations = (userId: string) => `conversations:${userId}`;
/** A conversation and its members, the same for all of them. */
export const conversation = (id: string) => `conversation:${id}`;
/** The newest messages of a conversation, one field for each moment from which somebody reads. */
export const messages = (conversationId: string) => `messages:${conversationId}`;
/** Reactions and read marks of a conversation. */
export const marks = (conversationId: string) => `marks:${conversationId}`;
/** Whatever a user wrote last: they see it at once. */
export const written = (userId: string) => `written:${userId}`;
