"""Where a tool's text lies: which store, at which key, by which channel.

A store is known by the tools that reach it. The operator names stores in the policy; common tool
names have defaults here, as rows of one table.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from firedoor.types.part import Channel
from firedoor.types.record import Place

FLEET: Final = "fleet"
OUTSIDE: Final = "outside"
PEOPLE: Final = "people"


class StoreRule(NamedTuple):
    """One store as the policy names it."""

    name: str
    tools: tuple[str, ...]
    """Globs of tool names."""
    key_argument: str | None = None
    writers: str = FLEET
    closed: bool = False
    """Whether all writers go through the door: then its label bounds what comes out of it."""
    channel: Channel = Channel.MEMORY


class Use(NamedTuple):
    """What one tool call does with a store."""

    channel: Channel
    place: Place | None
    reads: bool
    writes: bool
    writers: str = FLEET
    closed: bool = False
    host: str | None = None
    """For text from outside: where it comes from."""


# (globs, channel, store, writers): first match wins. Text of the web is nobody's in the fleet.
_DEFAULTS: Final[tuple[tuple[tuple[str, ...], Channel, str, str], ...]] = (
    (
        ("memory*", "*_memory", "*_memories", "recall*", "remember*", "*save_note*", "*_note",
         "*_notes", "note_*"),
        Channel.MEMORY, "memory", FLEET,
    ),
    (
        ("read_file*", "write_file*", "edit_file*", "create_file*", "bash", "bash_*", "shell*",
         "local_shell*", "str_replace*", "text_editor*", "apply_patch*", "git_*", "list_files",
         "*_execution", "notebook_*"),
        Channel.CODE, "code", FLEET,
    ),
    (
        ("send_message*", "*inbox*", "read_mail*", "send_mail*", "send_email*", "read_email*",
         "post_*", "read_feed*", "*_message", "*_messages", "handoff*", "transfer_to_*"),
        Channel.MESSAGE, "messages", FLEET,
    ),
    (
        ("search_docs*", "retrieve*", "file_search*", "query_documents*", "vector_*"),
        Channel.RETRIEVAL, "retrieval", FLEET,
    ),
    (
        ("web_search*", "web_fetch*", "fetch*", "browse*", "http_*", "download*", "curl*"),
        Channel.TOOL, "web", OUTSIDE,
    ),
)  # fmt: skip
_KEY_ARGUMENTS: Final = (
    "key", "path", "file_path", "filename", "file", "name", "id", "title", "to", "recipient",
    "channel",
)  # fmt: skip
_URL_ARGUMENTS: Final = ("url", "uri", "link", "href")
_READS: Final = frozenset(
    [
        "read",
        "get",
        "search",
        "list",
        "recall",
        "find",
        "load",
        "view",
        "query",
        "cat",
        "fetch",
        "grep",
        "look",
        "lookup",
        "show",
        "retrieve",
        "browse",
        "download",
        "inbox",
        "feed",
    ]
)
_WRITES: Final = frozenset(
    [
        "write",
        "save",
        "put",
        "set",
        "add",
        "append",
        "create",
        "edit",
        "update",
        "insert",
        "store",
        "remember",
        "send",
        "post",
        "reply",
        "delete",
        "remove",
        "rename",
        "patch",
        "apply",
        "replace",
        "commit",
        "push",
        "handoff",
        "transfer",
    ]
)
_COMMAND_READS: Final = frozenset({"view", "search", "read", "list", "get"})
_KEY_CHARS_MAX: Final = 512
_CALLS_KEPT_MAX: Final = 4_096


def use_text(use: Use) -> str:
    """What a call does with a store, less where in it: for the day when only its id comes back."""
    acts = f"{int(use.reads)}{int(use.writes)}"
    return f"call:{use.channel}:{acts}:{use.writers}:{use.host or ''}"


def use_from(text: str) -> Use | None:
    """The inverse of ``use_text``: at no known place, so closed or not says nothing."""
    if not text.startswith("call:"):
        return None
    _, channel, acts, writers, host = text.split(":", 4)
    return Use(Channel(channel), None, acts[0] == "1", acts[1] == "1", writers, False, host or None)


def _fits(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def _arguments(arguments: str) -> dict[str, Any]:
    try:
        value = json.loads(arguments) if arguments.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _key(values: Mapping[str, Any], named: str | None) -> str | None:
    for name in (named,) if named is not None else _KEY_ARGUMENTS:
        value = values.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            return str(value)[:_KEY_CHARS_MAX]
    return None


def _verbs(tool: str, values: Mapping[str, Any]) -> tuple[bool, bool]:
    """(reads, writes). An unknown verb may do both."""
    command = values.get("command")
    if isinstance(command, str) and command in _COMMAND_READS:
        return True, False
    words = set(tool.lower().replace("-", "_").split("_"))
    if isinstance(command, str) and command.isidentifier() and not words & {"bash", "shell"}:
        return False, True
    reads, writes = bool(words & _READS), bool(words & _WRITES)
    return (True, True) if reads == writes else (reads, writes)


@dataclass(frozen=True, slots=True)
class StoreMap:
    """Which tools reach which stores."""

    rules: tuple[StoreRule, ...] = ()
    channels: tuple[tuple[Channel, tuple[str, ...]], ...] = ()
    """The policy's own map of tool globs, asked before the defaults."""
    _kind_of: dict[str, tuple[Channel, str, str, bool, str | None] | None] = field(
        default_factory=dict, compare=False, repr=False
    )
    """By tool name: globs are matched once a name."""

    def _kind(self, tool: str) -> tuple[Channel, str, str, bool, str | None] | None:
        for rule in self.rules:
            if _fits(tool, rule.tools):
                channel = self._channel_of(tool) or rule.channel
                return channel, rule.name, rule.writers, rule.closed, rule.key_argument
        for channel, globs in self.channels:
            if _fits(tool, globs):
                for default_globs, default_channel, store, writers in _DEFAULTS:
                    if default_channel is channel and _fits(tool, default_globs):
                        return channel, store, writers, False, None
                return channel, channel.value, FLEET, False, None
        for globs, channel, store, writers in _DEFAULTS:
            if _fits(tool, globs):
                return channel, store, writers, False, None
        return None

    def _channel_of(self, tool: str) -> Channel | None:
        """The channel that the policy's map, or else the defaults, give a tool's name."""
        for channel, globs in (*self.channels, *((row[1], row[0]) for row in _DEFAULTS)):
            if _fits(tool, globs):
                return channel
        return None

    def place_of(self, tool: str, arguments: str) -> Use | None:
        """What a call of ``tool`` with these arguments (JSON text) does; None if no store's tool."""
        if tool not in self._kind_of:
            if len(self._kind_of) > _CALLS_KEPT_MAX:
                self._kind_of.clear()
            self._kind_of[tool] = self._kind(tool)
        kind = self._kind_of[tool]
        if kind is None:
            return None
        channel, store, writers, closed, key_argument = kind
        values = _arguments(arguments)
        reads, writes = _verbs(tool, values)
        host = None
        if writers == OUTSIDE:
            host = store
            for name in _URL_ARGUMENTS:
                if isinstance(values.get(name), str):
                    host = urlsplit(values[name]).hostname or store
        place = Place(store, _key(values, key_argument))
        return Use(channel, place, reads, writes, writers, closed, host)


def store_map(
    stores: Iterable[StoreRule] = (), channels: Mapping[Channel, Iterable[str]] | None = None
) -> StoreMap:
    """A map of the policy's stores and channels, the defaults behind them."""
    named = tuple((c, tuple(globs)) for c, globs in (channels or {}).items())
    return StoreMap(tuple(stores), named)
