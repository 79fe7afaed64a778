"""Doors of several organisations, each with its own store and keys: texts go from one to the next."""

import json
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

from driving import Office, Outcome, settings_for
from firedoor import lineage
from firedoor.testing import Call, Reply
from firedoor.types.exchange import Binding

HEADER = "x-firedoor-provenance"
LISTED = f"headers: [x-firedoor-call, {HEADER}]\n"
NOTE = "The lamp on the western mole is to be lit at dusk."
START = 1.7e9


def trusting(*rows: tuple[str, Office], audience: str | None = None) -> str:
    """The section by which a door trusts the doors of these names."""
    meant = f", audience: {audience}" if audience is not None else ""
    lines = [
        f"  - {{name: {n}, key: '{o.store.signing_key().public_text}'{meant}}}\n" for n, o in rows
    ]
    return "trust:\n" + "".join(lines)


def office(
    folder: Path, name: str, policy: str = "", *, mode: str = "contain", run: str | None = None
) -> Office:
    """A door with a store and keys of its own, whose users' turns a person typed."""
    home = folder / name
    home.mkdir(exist_ok=True)
    return Office(
        settings_for(home, mode, LISTED + policy),
        url=f"sqlite:{home / 'firedoor.db'}",
        run=run or f"r_{name}",
        people=True,
    )


def says(who: Office, text: str = NOTE, *, room: str = "press", name: str = "writer") -> Outcome:
    """An instance is asked something, and says this."""
    prompt = [{"role": "user", "content": f"Please go on, as before, number {who.calls}."}]
    return who.call(Binding(name, room), prompt, Reply(text))


def token_of(outcome: Outcome) -> str:
    """The statement that came with an answer."""
    return outcome.headers[HEADER]


def presenting(*tokens: str) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that present these statements."""
    return tuple((HEADER.encode(), token.encode()) for token in tokens)


def reads(
    who: Office,
    text: str,
    *tokens: str,
    room: str = "desk",
    name: str = "reader",
    tool: str = "read_note",
    reply: str = "I have read it, thank you.",
    at: float | None = None,
) -> Outcome:
    """An instance reads ``text`` by a tool, with these statements; all else in its context is proven."""
    binding = Binding(name, room)
    key = f"k{who.calls}"
    prompt = {"role": "user", "content": f"Please read the note {key} out to me."}
    asked = who.call(
        binding, [prompt], Reply("", (Call(tool, {"key": key}, id=f"call_{key}"),)), at=at
    )
    claim = asked.answer["choices"][0]["message"]["tool_calls"]
    turns = [
        prompt,
        {"role": "assistant", "content": None, "tool_calls": claim},
        {"role": "tool", "tool_call_id": f"call_{key}", "content": text},
    ]
    return who.call(binding, turns, Reply(reply), headers=presenting(*tokens), at=at)


def seen(outcome: Outcome) -> str:
    """What the model got of the last turn."""
    return str(outcome.request["messages"][-1]["content"])


def envelope_of(token: str) -> dict[str, Any]:
    """The DSSE envelope of a token."""
    found: dict[str, Any] = json.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    return found


def payload_of(token: str) -> dict[str, Any]:
    """What is signed in it."""
    found: dict[str, Any] = json.loads(b64decode(envelope_of(token)["payload"]))
    return found


def as_token(envelope: dict[str, Any]) -> str:
    """The inverse of ``envelope_of``."""
    return urlsafe_b64encode(json.dumps(envelope).encode()).decode().rstrip("=")


def altered(token: str, **predicate: Any) -> str:
    """A token in which something else is said, under the old signature."""
    envelope, payload = envelope_of(token), payload_of(token)
    payload["predicate"].update(predicate)
    envelope["payload"] = b64encode(json.dumps(payload).encode()).decode()
    return as_token(envelope)


def signed_again(who: Office, token: str, **predicate: Any) -> str:
    """The same, and signed by this door: what a trusted door could say."""
    key = who.store.signing_key()
    envelope, payload = envelope_of(token), payload_of(token)
    payload["predicate"].update(issuer=key.key_id, **predicate)
    body = json.dumps(payload).encode()
    kind = envelope["payloadType"].encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)
    envelope["payload"] = b64encode(body).decode()
    envelope["signatures"] = [
        {"keyid": key.key_id, "sig": b64encode(key.sign(message)).decode()}
    ]  # fmt: skip
    return as_token(envelope)


def digests(text: str, who: Office) -> tuple[bytes, ...]:
    """What this door knows a whole text by."""
    return lineage.whole_passages(text, who.engine.settings.digester)
