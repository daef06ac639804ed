import { type FormEvent, useEffect, useRef, useState } from "react";
import { signIn } from "../net/account.js";
import { messageOf, Refused } from "../net/errors.js";
import type { Session } from "../net/session.js";
import { Icon } from "./Icon.js";

const SHORTEST_PASSWORD = 8;

export function SignIn({ notice, onSignedIn }: { notice: string | null; onSignedIn: (session: Session) => void }) {
  const [isNew, setIsNew] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const problem = useRef<HTMLParagraphElement>(null);

  useEffect(() => {
    if (failure) problem.current?.focus();
  }, [failure]);

  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string): string => String(form.get(name) ?? "");
    setIsBusy(true);
    setFailure(null);
    // Argon2id keeps the page busy for a moment: let it show that first.
    await new Promise((done) => setTimeout(done, 50));
    try {
      onSignedIn(await signIn({ username: text("username").trim().toLowerCase(), password: text("password"), displayName: text("displayName").trim(), isNew }));
    } catch (error) {
      setFailure(explained(error, isNew));
      setIsBusy(false);
    }
  };

  return (
    <main className="welcome">
      <section className="pitch" aria-label="About this example">
        <p className="brand"><img src="/icon.svg" width="34" height="34" alt="" /> chatschema example</p>
        <h1>A chat whose database cannot read it</h1>
        <ul>
          <li><Icon name="lock" /><span><b>Encrypted here.</b> Texts leave this page as ciphertext. PostgreSQL, Redis and every backup hold them in no other form.</span></li>
          <li><Icon name="key" /><span><b>A new key when somebody leaves.</b> Who left cannot read what follows; who joins starts with a key of their own.</span></li>
          <li><Icon name="people" /><span><b>Try it alone.</b> Open this page in two tabs and be two people: each tab has a login of its own.</span></li>
        </ul>
      </section>
      <form className="card" onSubmit={(event) => void submit(event)} aria-labelledby="form-title" aria-busy={isBusy}>
        <h2 id="form-title">{isNew ? "Create an account" : "Sign in"}</h2>
        {notice && !failure && <p className="notice" role="status">{notice}</p>}
        {failure && <p className="notice bad" role="alert" ref={problem} tabIndex={-1}>{failure}</p>}
        <label>User name
          <input name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} required maxLength={50} autoFocus />
        </label>
        {isNew && (
          <label>Display name <small>optional</small>
            <input name="displayName" autoComplete="name" maxLength={100} />
          </label>
        )}
        <label>Password
          <input name="password" type="password" autoComplete={isNew ? "new-password" : "current-password"} required minLength={isNew ? SHORTEST_PASSWORD : 1} />
        </label>
        {isNew && <p className="hint">It also makes your key. Nobody can reset it: without it, your messages stay unreadable.</p>}
        <button className="primary" disabled={isBusy}>{isBusy ? "Making keys…" : isNew ? "Create account" : "Sign in"}</button>
        <p className="switch">
          {isNew ? "Been here before?" : "New here?"}{" "}
          <button type="button" className="link" onClick={() => { setIsNew(!isNew); setFailure(null); }}>
            {isNew ? "Sign in" : "Create an account"}
          </button>
        </p>
      </form>
    </main>
  );
}

function explained(error: unknown, isNew: boolean): string {
  if (!(error instanceof Refused)) return messageOf(error);
  if (!isNew && error.status === 401) return "User name or password is wrong.";
  if (error.constraint === "users_username_key") return "This user name is taken. Choose another one.";
  if (error.constraint?.startsWith("users_username")) return "A user name has 3 to 50 letters, digits, dots, dashes or underscores.";
  return error.message;
}
