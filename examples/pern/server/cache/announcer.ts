// Tells browsers and API processes of events, through Redis: the worker has no sockets of its own.
import { Emitter } from "@socket.io/redis-emitter";
import type { ToBrowser } from "../../shared/protocol";
import { forRequests } from "../redis";
import type { Effect, Event } from "./kinds";

export class Announcer {
  private readonly redis = forRequests();
  private sent: Promise<unknown>[] = [];
  // The emitter does not wait for Redis; the reader does, before it moves its cursor.
  private readonly emitter = new Emitter<ToBrowser>({
    publish: (channel: string, message: unknown) => {
      const sent = this.redis.publish(channel, message as Buffer);
      // A status for which nobody waits would otherwise end the worker while Redis is away.
      sent.catch(() => {});
      this.sent.push(sent);
    },
  });

  /** Publish the effect of an event. */
  announce(event: Event, effect: Effect): void {
    const { conversation_id: conversation, user_id: user } = event;
    if (effect.room === "join" && conversation && user) this.emitter.in(`user:${user}`).socketsJoin(conversation);
    for (const room of effect.rooms ?? (conversation ? [conversation] : [])) this.tell(room, event, effect);
    if (effect.room === "leave" && conversation && user) this.emitter.in(`user:${user}`).socketsLeave(conversation);
    if (effect.tell?.to === "conversation_removed" && conversation) this.emitter.in(conversation).socketsLeave(conversation);
    if (effect.checkSessions && user) this.emitter.serverSideEmit("check_sessions", user);
  }

  private tell(conversationId: string, event: Event, { tell }: Effect): void {
    const to = this.emitter.to(conversationId);
    const [firstId, lastId] = [event.first_id ?? event.row_id, event.last_id ?? event.row_id];
    switch (tell?.to) {
      case "messages_changed":
        if (firstId && lastId) to.emit("messages_changed", { conversationId, firstId, lastId, change: tell.change });
        break;
      case "messages_removed":
        // An erasure of the conversation names itself as the row.
        to.emit("messages_removed", event.table_name === "messages" && firstId && lastId ? { conversationId, firstId, lastId } : { conversationId });
        break;
      case "conversation_changed":
      case "conversation_removed":
        to.emit(tell.to, { conversationId });
    }
  }

  presence(rooms: string[], userId: string, isOnline: boolean): void {
    if (rooms.length > 0) this.emitter.to(rooms).emit("presence", { userId, isOnline });
  }

  status(conversationId: string, messageId: string, userId: string, status: "delivered" | "read"): void {
    this.emitter.to(conversationId).emit("status", { conversationId, messageId, userId, status });
  }

  /** Every browser connects again and fetches what it shows. */
  async everybodyAgain(): Promise<void> {
    this.emitter.serverSideEmit("everybody_again");
    await this.isSent();
  }

  /** Wait until Redis has all of it. Fails if it does not. */
  async isSent(): Promise<void> {
    await Promise.all(this.sent.splice(0));
  }
}
