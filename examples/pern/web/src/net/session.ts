// Who is signed in, for this tab alone: two tabs can be two people. sessionStorage survives a reload and ends with the tab.
// A page that keeps its key here depends on no foreign script running in it: see the Content-Security-Policy in index.html.
import type { Base64, Login } from "../../../shared/protocol.js";

export interface Session extends Login {
  /** Of the identity key. */
  seed: Base64;
}

const NAME = "session";

export function storedSession(): Session | null {
  const text = sessionStorage.getItem(NAME);
  return text === null ? null : (JSON.parse(text) as Session);
}

export function storeSession(session: Session | null): void {
  if (session === null) sessionStorage.clear();
  else sessionStorage.setItem(NAME, JSON.stringify(session));
}
