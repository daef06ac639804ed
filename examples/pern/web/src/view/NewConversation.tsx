import { type FormEvent, useState } from "react";
import type { Id } from "../../../shared/protocol.js";
import type { Chat } from "../chat/chat.js";
import { messageOf, Refused } from "../net/errors.js";
import { Dialog } from "./Dialog.js";
import { Icon } from "./Icon.js";

type Found = { id: Id; name: string };

export function NewConversation({ chat, onClose }: { chat: Chat; onClose: () => void }) {
  const [type, setType] = useState<"direct" | "group">("direct");
  const [people, setPeople] = useState<readonly Found[]>([]);
  const [username, setUsername] = useState("");
  const [title, setTitle] = useState("");
  const [failure, setFailure] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);

  const run = async (work: () => Promise<void>): Promise<void> => {
    setIsBusy(true);
    setFailure(null);
    await work().catch((error: unknown) => setFailure(messageOf(error)));
    setIsBusy(false);
  };
  const add = async (): Promise<readonly Found[]> => {
    if (username.trim() === "") return people;
    const found = await findUser(chat, username);
    const all = people.some(({ id }) => id === found.id) ? people : [...people, found];
    setPeople(all);
    setUsername("");
    return all;
  };
  const begin = async (): Promise<void> => {
    const members = type === "direct" ? [await findUser(chat, username)] : await add();
    if (members.length === 0) throw new Error("Add at least one person.");
    await chat.begin(type, members.map(({ id }) => id), type === "group" ? title.trim() : undefined);
    onClose();
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void run(begin);
  };

  return (
    <Dialog title="New conversation" onClose={onClose}>
      <form onSubmit={submit} aria-busy={isBusy}>
        <fieldset className="choice">
          <legend className="unseen">Kind</legend>
          {(["direct", "group"] as const).map((kind) => (
            <label key={kind}><input type="radio" name="type" checked={type === kind} onChange={() => setType(kind)} />{kind === "direct" ? "One person" : "Group"}</label>
          ))}
        </fieldset>
        {type === "group" && (
          <label>Title <small>optional</small><input value={title} maxLength={100} onChange={(event) => setTitle(event.target.value)} /></label>
        )}
        {type === "group" && people.length > 0 && (
          <ul className="chips" aria-label="Members">
            {people.map(({ id, name }) => (
              <li key={id}>{name}
                <button type="button" className="plain" aria-label={`Remove ${name}`} onClick={() => setPeople(people.filter((person) => person.id !== id))}>
                  <Icon name="close" />
                </button>
              </li>
            ))}
          </ul>
        )}
        <label>User name
          <span className="with-button">
            <input
              value={username} autoCapitalize="none" spellCheck={false} autoComplete="off" required={type === "direct"}
              onChange={(event) => setUsername(event.target.value)}
            />
            {type === "group" && <button type="button" onClick={() => void run(async () => void (await add()))}>Add</button>}
          </span>
        </label>
        {failure && <p className="notice bad" role="alert">{failure}</p>}
        <button className="primary" disabled={isBusy}>{type === "direct" ? "Begin" : "Create group"}</button>
      </form>
    </Dialog>
  );
}

export async function findUser(chat: Chat, username: string): Promise<Found> {
  const name = username.trim().toLowerCase();
  try {
    return await chat.find(name);
  } catch (error) {
    if (error instanceof Refused && error.status === 404) throw new Error(`There is no user ${name}.`);
    throw error;
  }
}
