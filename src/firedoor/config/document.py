"""YAML with a line number for everything in it, and no surprises: no duplicate keys, no bombs."""

from pathlib import Path
from typing import Any, Final

import yaml
from yaml.reader import ReaderError

from firedoor.errors import SettingsError

_BYTES_MAX: Final = 1 << 20
_NODES_MAX: Final = 100_000
_DEPTH_MAX: Final = 64
"""A policy file nests some six levels; the composer itself gives up at a few hundred."""

Lines = dict[tuple[str | int, ...], int]
"""Line (from 1) of each value, by its path."""


_SCALARS: Final = yaml.SafeLoader("")


def _walk(node: yaml.Node, path: tuple[str | int, ...], lines: Lines, budget: list[int]) -> Any:
    budget[0] -= 1
    if budget[0] < 0:
        raise yaml.MarkedYAMLError(
            problem="more nodes than a policy file can need (aliases count each time)",
            problem_mark=node.start_mark,
        )
    if len(path) > _DEPTH_MAX:
        raise yaml.MarkedYAMLError(
            problem=f"nested deeper than {_DEPTH_MAX} levels, or an anchor that holds itself",
            problem_mark=node.start_mark,
        )
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None or key in found:
                what = "a key that is no plain word" if key is None else f"{key!r} stands twice"
                raise yaml.MarkedYAMLError(problem=what, problem_mark=key_node.start_mark)
            found[key] = _walk(value_node, (*path, key), lines, budget)
            lines[(*path, key)] = key_node.start_mark.line + 1
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_walk(n, (*path, i), lines, budget) for i, n in enumerate(node.value)]
    try:
        return _SCALARS.construct_object(node)
    except ValueError:
        # A number too long, a day that no calendar has.
        raise yaml.MarkedYAMLError(
            problem="a value that YAML cannot read; put it in quotes", problem_mark=node.start_mark
        ) from None
    finally:
        _SCALARS.constructed_objects.clear()


def read(path: Path) -> str:
    """The file's text.

    Raises:
        SettingsError: It cannot be read, is too large, or is no text; with file, and line if any.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", where=str(path)) from None
    if len(raw) > _BYTES_MAX:
        raise SettingsError(f"larger than {_BYTES_MAX} bytes", where=str(path))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsError("is no text in UTF-8", where=f"{path}:{line}") from None


def parse(text: str, where: str) -> tuple[dict[str, Any], Lines]:
    """The file's value and the lines of its parts.

    Raises:
        SettingsError: Not YAML, not a mapping, or a key stands twice; with file and line.
    """
    lines: Lines = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = {} if node is None else _walk(node, (), lines, [_NODES_MAX])
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise SettingsError(error.problem or "not YAML", where=f"{where}:{line}") from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SettingsError(
            "a character that no YAML file may hold", where=f"{where}:{line}"
        ) from None
    except RecursionError:
        raise SettingsError("nested too deeply", where=where) from None
    except (yaml.YAMLError, ValueError) as error:
        raise SettingsError(f"not YAML: {type(error).__name__}", where=where) from None
    if not isinstance(value, dict):
        raise SettingsError("a policy file is a mapping of names to values", where=f"{where}:1")
    return value, lines


def line_of(lines: Lines, path: tuple[str | int, ...]) -> int:
    """The line of ``path``, or of what stands round it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)
