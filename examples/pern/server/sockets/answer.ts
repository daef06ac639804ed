// Each call of a socket is answered: with its result, or with a refusal.
import type { Refusal } from "../../shared/protocol";
import { logFailure, refusal } from "../errors";

export type Answer<Result> = (result: Result | Refusal) => void;

/** Do the work and answer. A client that sends no callback gets no answer. */
export async function answering<Result>(call: string, answer: Answer<Result> | undefined, work: () => Promise<Result>): Promise<void> {
  const reply = typeof answer === "function" ? answer : () => {};
  try {
    reply(await work());
  } catch (error) {
    logFailure(call, error);
    reply(refusal(error));
  }
}
