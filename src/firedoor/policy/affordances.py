"""What a tool lets an instance do, by its name."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

AFFORDANCES: Final = ("compute", "network", "write_shared", "spawn", "money", "read")

_NAME_CHARS_MAX: Final = 128
"""Longer names are not remembered: they are the client's, and could be megabytes."""

_DEFAULTS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("bash*", ("compute", "network", "write_shared")),
    ("*shell*", ("compute", "network", "write_shared")),
    ("python*", ("compute",)),
    ("code_interpreter", ("compute",)),
    ("code_execution*", ("compute",)),
    ("run_*", ("compute",)),
    ("spawn*", ("spawn",)),
    ("create_agent*", ("spawn",)),
    ("*subagent*", ("spawn",)),
    ("delegate*", ("spawn",)),
    ("task", ("spawn",)),
    ("Task", ("spawn",)),
    ("write_*", ("write_shared",)),
    ("save_*", ("write_shared",)),
    ("edit_*", ("write_shared",)),
    ("create_*", ("write_shared",)),
    ("str_replace*", ("write_shared",)),
    ("text_editor*", ("write_shared",)),
    ("apply_patch*", ("write_shared",)),
    ("memory*", ("write_shared",)),
    ("remember*", ("write_shared",)),
    ("git_*", ("write_shared",)),
    ("send_*", ("write_shared",)),
    ("post_*", ("write_shared",)),
    ("web_*", ("network",)),
    ("fetch*", ("network",)),
    ("browse*", ("network",)),
    ("http_*", ("network",)),
    ("pay*", ("money",)),
    ("purchase*", ("money",)),
    ("transfer_funds*", ("money",)),
    ("read_*", ("read",)),
    ("search_*", ("read",)),
    ("list_*", ("read",)),
    ("get_*", ("read",)),
    ("recall*", ("read",)),
)


@lru_cache(maxsize=4096)
def _default(tool: str) -> tuple[str, ...]:
    for glob, default in _DEFAULTS:
        if fnmatchcase(tool, glob):
            return tuple(sorted(default))
    return ()


def affordances_for(named: Mapping[str, Iterable[str]], tool: str) -> tuple[str, ...]:
    """The affordances of ``tool``: the policy's own rows first, then the defaults; sorted."""
    for glob, found in named.items():
        if fnmatchcase(tool, glob):
            return tuple(sorted(found))
    return _default(tool) if len(tool) <= _NAME_CHARS_MAX else _default.__wrapped__(tool)
