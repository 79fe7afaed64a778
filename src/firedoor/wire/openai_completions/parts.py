"""Completions, the older shape: a request's strings."""

from collections.abc import Mapping
from typing import Any, Final

from firedoor.types.exchange import Params
from firedoor.types.part import Channel, Kind, Part, Reading, Role
from firedoor.wire.inventory import openai_completions as inventory
from firedoor.wire.openai_chat.parts import read_fields
from firedoor.wire.shape import Speaker

_PROGRAM: Final = Speaker(Role.USER, Channel.USER)


def read_field(name: str, value: Any) -> Reading:
    """One top-level field. A prompt in tokens is text that cannot be read here."""
    by = _PROGRAM if name in ("prompt", "suffix") else None
    if name != "prompt" or not isinstance(value, list):
        return read_fields(inventory.FIELDS, name, value, by)
    parts: list[Part] = []
    unknown: list[str] = []
    if any(not isinstance(prompt, str) for prompt in value):
        opaque = Part(
            "/prompt", "", Kind.OPAQUE, _PROGRAM.role, _PROGRAM.channel, editable=False
        )  # fmt: skip
        parts.append(opaque)
    for i, prompt in enumerate(value):
        if isinstance(prompt, str):
            found = read_fields(inventory.FIELDS, name, prompt, by)
            parts += [p._replace(pointer=f"/prompt/{i}" + p.pointer[7:]) for p in found.parts]
        elif not _tokens(prompt):
            unknown.append(f"/prompt/{i}")
    return Reading(tuple(parts), (), None, tuple(unknown))


def _tokens(prompt: Any) -> bool:
    numbers = prompt if isinstance(prompt, list) else [prompt]
    return all(isinstance(n, int) for n in numbers)


def prompts(fields: Mapping[str, Any]) -> int:
    """How many prompts a request has: each is completed ``n`` times."""
    given = fields.get("prompt")
    if not isinstance(given, list) or all(isinstance(token, int) for token in given):
        return 1
    return len(given)


def params(document: Any) -> Params:
    """The facts that the engine needs."""
    options, cap = document.get("stream_options"), document.get("max_tokens")
    choices, model = document.get("n"), document.get("model")
    return Params(
        model=model if isinstance(model, str) else None,
        stream=document.get("stream") is True,
        choices=choices if isinstance(choices, int) else 1,
        output_tokens_max=cap if isinstance(cap, int) else None,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )
