import { useCallback, useEffect, useState } from "react";
import { Chat } from "../chat/chat.js";
import { ready } from "../crypto/index.js";
import { type Session, storedSession, storeSession } from "../net/session.js";
import { ChatPage } from "./ChatPage.js";
import { SignIn } from "./SignIn.js";

const REVOKED = "This device was signed out. Sign in again to go on.";

/** Either the form to sign in, or the chat of whoever is signed in in this tab. */
export function App() {
  const [session, setSession] = useState<Session | null>(storedSession);
  const [notice, setNotice] = useState<string | null>(null);
  const [chat, setChat] = useState<Chat | null>(null);

  const ended = useCallback((isRevoked: boolean) => {
    storeSession(null);
    setNotice(isRevoked ? REVOKED : null);
    setSession(null);
  }, []);

  useEffect(() => {
    if (session === null) return undefined;
    let stop: (() => void) | undefined;
    let isOver = false;
    void ready.then(() => {
      if (isOver) return;
      const next = new Chat(session, ended);
      stop = next.start();
      setChat(next);
    });
    return () => {
      isOver = true;
      stop?.();
      setChat(null);
    };
  }, [session, ended]);

  if (session === null) return <SignIn notice={notice} onSignedIn={setSession} />;
  return chat && <ChatPage chat={chat} />;
}
