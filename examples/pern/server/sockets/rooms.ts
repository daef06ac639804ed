// The rooms of a socket: one of its user, and those of the user's conversations.
import type { Id } from "../../shared/protocol";

/** What is needed of a socket. */
interface Visitor {
  join(rooms: string | string[]): Promise<void> | void;
  leave(room: string): Promise<void> | void;
}

/**
 * Enter the rooms of a user who is just connecting, and return the conversations. `memberships` looks them up.
 *
 * It looks until a look finds what the one before has found. Who is removed between a look and the room would otherwise stay in it, and
 * who is taken back meanwhile would stay out: the event that moves sockets came before this one had moved.
 */
export async function enterRooms(socket: Visitor, userId: Id, memberships: () => Promise<Id[]>): Promise<Id[]> {
  await socket.join(`user:${userId}`);
  let entered = new Set<Id>();
  for (;;) {
    const found = new Set(await memberships());
    const [due, over] = [[...found].filter((id) => !entered.has(id)), [...entered].filter((id) => !found.has(id))];
    if (due.length + over.length === 0) return [...entered];
    await socket.join(due);
    for (const id of over) await socket.leave(id);
    entered = found;
  }
}
