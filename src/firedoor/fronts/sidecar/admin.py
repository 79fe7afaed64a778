"""The admin listener: what is known, for people who hold its token. It reads; orders come later."""

import asyncio
import hmac
import json
from typing import Any
from urllib.parse import parse_qs

from firedoor.engine import explained
from firedoor.errors import StoreError, TamperingError
from firedoor.fronts.sidecar.asgi import Receive, Scope, Send, send_json
from firedoor.lineage import HOPS_MAX, Convergence
from firedoor.store import SqliteStore, StoreReader, trace

_PREFIX = "/admin/v1/"
_INDEX_MAX = (1 << 63) - 1


class _BadQuery(ValueError):
    """A query's value that cannot be used."""


def _count(query: dict[str, list[str]], name: str, default: int, most: int) -> int:
    """A whole number from a query. What SQLite cannot count to is no number here either."""
    text = query.get(name, [str(default)])[0]
    if not text.isascii() or not text.isdigit() or len(text) > len(str(most)) or int(text) > most:
        raise _BadQuery(f"{name}: a whole number from 0 to {most}")
    return int(text)


class AdminApp:
    """The admin API. It has its own secret, and the data plane does not know it."""

    def __init__(
        self, store: SqliteStore, token: str, convergence: Convergence | None = None
    ) -> None:
        self._convergence = convergence
        self.take(store, token)

    def take(self, store: SqliteStore, token: str) -> None:
        """Answer from this store from here on, to who holds this token."""
        self._store = store
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI scope."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        try:
            if path in ("/readyz", "/livez", "/health"):
                if path == "/readyz":
                    await asyncio.to_thread(self._store.check_writable)
                await send_json(send, 200, {"status": "ok"})
                return
            if not self._allowed(scope):
                error = {"type": "authentication_error", "message": "a bearer token is needed here"}
                await send_json(send, 401, {"type": "error", "error": error})
                return
            query = parse_qs(scope["query_string"].decode("latin-1"))
            found = None
            if scope["method"] == "GET" and path.startswith(_PREFIX + "trace/"):
                # It reads the records of all calls: not on the loop that others' answers wait for.
                who = path.removeprefix(_PREFIX + "trace/")
                found = await asyncio.to_thread(self._trace, who, query)
            elif scope["method"] == "GET":
                found = self._get(path.removeprefix(_PREFIX), query)
        except _BadQuery as problem:
            error = {"type": "invalid_request_error", "message": str(problem)}
            await send_json(send, 400, {"type": "error", "error": error})
            return
        except (StoreError, TamperingError) as problem:
            if path == "/readyz":
                await send_json(send, 503, {"status": "store unavailable"})
                return
            error = {"type": "api_error", "message": problem.message}
            await send_json(send, 503, {"type": "error", "error": error})
            return
        if found is None or not path.startswith(_PREFIX):
            error = {"type": "not_found_error", "message": "there is no such thing here"}
            await send_json(send, 404, {"type": "error", "error": error})
            return
        await send_json(send, 200, found)

    def _allowed(self, scope: Scope) -> bool:
        for name, value in scope["headers"]:
            if name == b"authorization":
                scheme, _, token = bytes(value).partition(b" ")
                return scheme.lower() == b"bearer" and hmac.compare_digest(token, self._token)
        return False

    def _trace(self, who: str, query: dict[str, list[str]]) -> dict[str, Any] | None:
        hops = max(1, _count(query, "hops", HOPS_MAX, HOPS_MAX))
        way = query.get("direction", ["both"])[0]
        if way not in ("up", "down", "both"):
            raise _BadQuery("direction: up, down or both")
        return trace(
            self._store, who, up=way != "down", down=way != "up", hops=hops,
            convergence=self._convergence,
        )  # fmt: skip

    def _get(self, what: str, query: dict[str, list[str]]) -> dict[str, Any] | None:
        reader = StoreReader(self._store)
        head, _, rest = what.partition("/")
        if head == "status" and not rest:
            return reader.status()
        if head == "instances":
            rows = reader.instances()
            if not rest:
                return {"data": rows}
            return next((r for r in rows if rest in (r["instance_id"], r["instance"])), None)
        if head == "calls":
            if rest:
                return explained(rest, reader.opened, reader.closed, reader.call_entries(rest))
            limit = _count(query, "limit", 50, _INDEX_MAX)
            return {"data": reader.calls(limit=min(limit, 1000))}
        if head == "quarantine" and not rest:
            return {"data": reader.quarantine(state=query.get("state", [None])[0])}
        if what == "ledger/entries":
            start = _count(query, "start", 0, _INDEX_MAX)
            rows = [json.loads(e.bytes_) | {"leaf": e.leaf.hex()} for e in reader.page(start)]
            return {"data": rows}
        return None
