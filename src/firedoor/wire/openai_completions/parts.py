"""Completions, the older shape: a request's strings."""

from typing import Any, Final

from firedoor.types.exchange import Params, Surface
from firedoor.types.part import Channel, Kind, Part, Reading, Role
from firedoor.wire.inventory import openai_completions as inventory
from firedoor.wire.openai_chat.parts import read_fields
from firedoor.wire.output_cap import choices, output_limit
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


def params(document: Any) -> Params:
    """The facts that the engine needs."""
    options, model = document.get("stream_options"), document.get("model")
    prompt = document.get("prompt")
    # One prompt in tokens is a list of numbers.
    several = isinstance(prompt, list) and any(not isinstance(p, int) for p in prompt)
    # Of the best, all are written and billed.
    each = max(choices(document.get("n")), choices(document.get("best_of")))
    return Params(
        model=model if isinstance(model, str) else None,
        stream=document.get("stream") is True,
        choices=each * (len(prompt) if several else 1),
        output_tokens_max=output_limit(Surface.OPENAI_COMPLETIONS, document),
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )
