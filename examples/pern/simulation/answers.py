"""What the API answers in the end: each user's conversations and all pages, from each process, with what the caches have."""

import dataclasses
import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .truth import Row

PAGE = 50
_AT_ONCE = 4


@dataclasses.dataclass(frozen=True)
class Answers:
    """One user's answers of one process, in the API's form."""

    user_id: str
    api: str
    conversations: dict[str, Row]
    pages: dict[str, list[Row]]


def ask(apis: list[str], clients: list[Row], outsiders: dict[str, list[str]]) -> tuple[list[Answers], list[str]]:
    """Return the answers to each signed-in client, and what was answered to somebody who is no member, which must be nothing.

    `outsiders` names conversations by the id of a user who left them.
    """
    signed_in = [client for client in clients if not client["isSignedOut"]]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        # The tokens of the simulation may have expired since.
        tokens = pool.map(lambda client: _sign_in(apis[0], client), signed_in)
        asked = [(api, client["userId"], token) for client, token in zip(signed_in, tokens, strict=True) for api in apis]
        found = list(pool.map(lambda one: _of(*one), asked))
        wrong = [
            text
            for (api, user_id, token) in asked
            for conversation in outsiders.get(user_id, [])
            if (text := _refused(api, token, conversation))
        ]
    return found, wrong


def _sign_in(api: str, client: Row) -> str:
    """Return an access token of a client."""
    body = json.dumps({"username": client["username"], "password": client["password"]}).encode()
    # A process of the stack.
    request = urllib.request.Request(f"{api}/api/login", body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        token: str = json.load(answer)["accessToken"]
    return token


def _of(api: str, user_id: str, token: str) -> Answers:
    conversations = {row["id"]: row for row in _get(api, token, "/conversations")["conversations"]}
    pages: dict[str, list[Row]] = {}
    for id in conversations:
        pages[id] = []
        while True:
            before = f"&before={pages[id][-1]['id']}" if pages[id] else ""
            page = _get(api, token, f"/conversations/{id}/messages?limit={PAGE}{before}")["messages"]
            pages[id] += page
            if len(page) < PAGE:
                break
    return Answers(user_id, api, conversations, pages)


def _refused(api: str, token: str, conversation_id: str) -> str | None:
    try:
        _get(api, token, f"/conversations/{conversation_id}/messages")
    except urllib.error.HTTPError as error:
        return None if error.code == 404 else f"{conversation_id}: {error.code}"
    return f"{conversation_id}: a page for somebody who left"


def _get(api: str, token: str, path: str) -> Any:
    # A process of the stack.
    request = urllib.request.Request(f"{api}/api{path}", headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)
