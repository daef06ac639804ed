// What the clients did and were promised, for the judge (judge.py). An acknowledged call is a promise of the server.
import { writeFileSync } from "node:fs";
import type { Base64, Id, Message } from "../shared/protocol";

export interface Sent {
  id: Id;
  conversationId: Id;
  senderId: Id;
  /** Of the first version, then of each edit that was tried. */
  versions: { nonce: Base64; isAcknowledged: boolean }[];
  deletion: "none" | "tried" | "acknowledged";
  isAcknowledged: boolean;
  attempts: number;
}

/** Reactions and read marks: the last one that was acknowledged, unless a later one was tried without an answer. */
export interface Mark {
  conversationId: Id;
  userId: Id;
  messageId: Id;
  reaction: string;
  isThere: boolean;
  isSure: boolean;
}

export interface Read {
  conversationId: Id;
  userId: Id;
  messageId: Id;
}

/** What one client had in the end. */
export interface Client {
  userId: Id;
  username: string;
  password: string;
  /** Signed out by the server: the user was erased. */
  isSignedOut: boolean;
  conversations: { id: Id; received: Id[]; shown: Message[]; missingBeforeReconnect: number }[];
  /** Pages in which a message stood twice. */
  doubled: string[];
  /** Messages that came for a conversation some seconds after leaving it. */
  strange: { conversationId: Id; messageId: Id; afterMs: number }[];
}

export class Record {
  readonly sent = new Map<Id, Sent>();
  /** Sent on purpose by somebody who had left. Each must be refused. */
  readonly intruding: { id: Id; conversationId: Id; senderId: Id; answer: string }[] = [];
  readonly marks = new Map<string, Mark>();
  readonly reads = new Map<string, Read>();
  /** Who left or came back: for a while nobody knows whether a message reached them. */
  readonly moved = new Set<string>();
  /** By call, code and user. */
  readonly refusals = new Map<string, number>();
  /** Refused because something had changed since it was read, and done again with what there is now. */
  readonly repetitions = new Map<string, number>();
  readonly times: { at: number; ms: number; attempts: number }[] = [];
  clients: Client[] = [];

  refused(call: string, code: string, userId: Id): void {
    count(this.refusals, `${call}; ${code}; ${userId}`);
  }

  repeated(call: string, code: string): void {
    count(this.repetitions, `${call}; ${code}`);
  }

  write(file: string): void {
    writeFileSync(file, JSON.stringify({
      sent: [...this.sent.values()], intruding: this.intruding, marks: [...this.marks.values()], reads: [...this.reads.values()],
      moved: [...this.moved], refusals: Object.fromEntries(this.refusals), repetitions: Object.fromEntries(this.repetitions), times: this.times, clients: this.clients,
    }));
  }
}

const count = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
