"""`door.wrap(client)`: a client like the one given, whose calls go through the door."""

import functools
import importlib
from collections.abc import Callable
from copy import copy
from typing import Any, Final, NoReturn

from firedoor.errors import CallerError
from firedoor.fronts.transport import DoorTransport

_CLIENTS: Final = ("OpenAI", "AsyncOpenAI", "Anthropic", "AsyncAnthropic")
_PACKAGES: Final = ("openai", "anthropic")
_FAMILIES: Final = ("httpx", "httpx2")
_RESOURCES: Final = ("SyncAPIResource", "AsyncAPIResource")
_SOCKETS: Final = "connect"
"""What every resource of the SDKs that opens a WebSocket calls the method that does."""


def _refused(client: Any, why: str) -> CallerError:
    kind = type(client)
    return CallerError(
        f"{kind.__module__}.{kind.__name__} cannot be wrapped: {why}",
        hint="give a client of "
        + ", ".join(_CLIENTS)
        + ", or point its base URL at `firedoor serve`",
    )


def _package(kind: type) -> str:
    for base in kind.__mro__:
        package = base.__module__.partition(".")[0]
        if package in _PACKAGES and base.__name__ in _CLIENTS:
            return package
    return ""


def _is_guarded(client: Any) -> bool:
    http = getattr(client, "_client", None)
    return isinstance(getattr(http, "_transport", None), DoorTransport)


def _no_socket(resource: Any) -> Callable[..., NoReturn]:
    kind = type(resource)

    def connect(*args: object, **kwargs: object) -> NoReturn:
        raise CallerError(
            f"{kind.__module__}.{kind.__name__}.connect opens a WebSocket, which goes past the door",
            hint="call over HTTP (`stream=True` where the answer should come bit by bit); "
            "only a client that is not wrapped opens WebSockets",
        )

    return connect


def _refuse_sockets(package: str) -> bool:
    """Resources of guarded clients no longer open WebSockets; False where that cannot be had.

    What a copy of a client is made of is decided by its class, which stays the SDK's own. So the
    SDK's base of all resources is asked to look at the client that a resource is made for. No
    client that is not guarded sees a difference.
    """
    try:
        module = importlib.import_module(f"{package}._resource")
        bases = [getattr(module, name) for name in _RESOURCES]
    except (ImportError, AttributeError):
        return False
    for base in bases:
        made = base.__init__
        if getattr(made, "_firedoor", False):
            continue

        @functools.wraps(made)
        def init(resource: Any, client: Any, made: Callable[..., None] = made) -> None:
            made(resource, client)
            if hasattr(type(resource), _SOCKETS) and _is_guarded(client):
                setattr(resource, _SOCKETS, _no_socket(resource))

        init._firedoor = True  # type: ignore[attr-defined]
        base.__init__ = init
    return True


def wrap(client: Any, transport: Callable[[Any], DoorTransport]) -> Any:
    """See `firedoor.Door.wrap`. The given client is left as it was.

    Args:
        transport: Makes a door's transport round an inner one.

    Raises:
        CallerError: It is no such client, or one that goes past HTTP transports.
    """
    package = _package(type(client))
    if not package:
        raise _refused(client, "it is no OpenAI or Anthropic client")
    if not _refuse_sockets(package):
        raise _refused(
            client, f"this version of {package} is of a shape that the door cannot guard"
        )
    http = getattr(client, "_client", None)
    inner = getattr(http, "_transport", None)
    if http is None or inner is None:
        raise _refused(client, "it has no HTTP transport that a door could stand in")
    if isinstance(inner, DoorTransport):
        raise _refused(client, "it is wrapped already")
    family = next(
        (b.__module__.partition(".")[0] for b in type(inner).__mro__
         if b.__module__.partition(".")[0] in _FAMILIES), "",
    )  # fmt: skip
    named = type(inner).__module__ + type(inner).__name__ + type(http).__name__
    if "aiohttp" in named.lower():
        raise _refused(client, "it sends by aiohttp, a road that this door does not guard")
    if (
        not family
        and not hasattr(inner, "handle_request")
        and not hasattr(inner, "handle_async_request")
    ):
        raise _refused(client, "its transport is of no family that the door knows")
    # The HTTP client is copied with its settings (timeouts, base URL, cookies), not rebuilt.
    guarded = copy(http)
    guarded._transport = transport(inner)
    guarded._mounts = {
        pattern: transport(mounted) if mounted is not None else None
        for pattern, mounted in getattr(http, "_mounts", {}).items()
    }
    wrapped = client.copy(http_client=guarded)
    # The pool belongs to the first client, which closes it when it is collected.
    wrapped._firedoor_origin = client
    return wrapped
