"""Answers in the shapes of the providers, whole and streamed, as the real ones give them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """A tool call that the scripted model makes."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True)
class Reply:
    """What the scripted model says: text, then tool calls. Or any bytes at all."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes | None = None
    """The body as it is, in place of a shape."""
    content_type: str | None = None
    pieces: int = 4
    """Into how many deltas a streamed text is cut."""
    cut_after: int | None = None
    """Break the connection after this many bytes."""
    pause_s: float = 0.0
    """Between two events of a stream."""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _cut(text: str, pieces: int) -> list[str]:
    if not text:
        return []
    size = max(1, -(-len(text) // pieces))
    return [text[i : i + size] for i in range(0, len(text), size)]


def _usage(reply: Reply) -> tuple[int, int]:
    return 10, len(reply.text) // 4 + 5 * len(reply.calls)


def _ids(reply: Reply, n: int) -> list[tuple[str, Call]]:
    return [(call.id or f"call_{n}_{i}", call) for i, call in enumerate(reply.calls)]


# -- chat completions ------------------------------------------------------------------------------


def chat(reply: Reply, model: str, n: int) -> dict[str, Any]:
    """A whole chat completion."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if reply.calls:
        message["tool_calls"] = [
            {
                "id": id_,
                "type": "function",
                "function": {"name": call.name, "arguments": _json(call.arguments)},
            }
            for id_, call in _ids(reply, n)
        ]
    into, out = _usage(reply)
    return {
        "id": f"chatcmpl-{n}",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": "tool_calls" if reply.calls else "stop",
            }
        ],
        "usage": {"prompt_tokens": into, "completion_tokens": out, "total_tokens": into + out},
    }


def chat_events(reply: Reply, model: str, n: int, *, usage: bool) -> Iterator[str]:
    """A chat completion as ``data:`` events."""

    def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
        return "data: " + _json(
            {
                "id": f"chatcmpl-{n}",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": model,
                "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
            }
        )

    yield chunk({"role": "assistant", "content": ""})
    for piece in _cut(reply.text, reply.pieces):
        yield chunk({"content": piece})
    for i, (id_, call) in enumerate(_ids(reply, n)):
        head = {
            "index": i,
            "id": id_,
            "type": "function",
            "function": {"name": call.name, "arguments": ""},
        }
        yield chunk({"tool_calls": [head]})
        for piece in _cut(_json(call.arguments), 3):
            yield chunk({"tool_calls": [{"index": i, "function": {"arguments": piece}}]})
    yield chunk({}, "tool_calls" if reply.calls else "stop")
    if usage:
        into, out = _usage(reply)
        total = {"prompt_tokens": into, "completion_tokens": out, "total_tokens": into + out}
        yield "data: " + _json(
            {
                "id": f"chatcmpl-{n}",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": model,
                "choices": [],
                "usage": total,
            }
        )
    yield "data: [DONE]"


# -- completions, the older shape ------------------------------------------------------------------


def _prompts(body: dict[str, Any]) -> list[str]:
    prompt = body.get("prompt")
    prompts = prompt if isinstance(prompt, list) and isinstance(prompt[0], str) else [prompt]
    echo = body.get("echo") is True
    return [str(p) if echo and isinstance(p, str) else "" for p in prompts]


def completion(reply: Reply, body: dict[str, Any], n: int) -> dict[str, Any]:
    """A whole completion; a choice for each prompt."""
    into, out = _usage(reply)
    return {
        "id": f"cmpl-{n}",
        "object": "text_completion",
        "created": 1,
        "model": str(body.get("model", "scripted")),
        "choices": [
            {"text": begun + reply.text, "index": i, "logprobs": None, "finish_reason": "stop"}
            for i, begun in enumerate(_prompts(body))
        ],
        "usage": {"prompt_tokens": into, "completion_tokens": out, "total_tokens": into + out},
    }


def completion_events(reply: Reply, body: dict[str, Any], n: int) -> Iterator[str]:
    """A completion as ``data:`` events."""
    whole = completion(reply, body, n)
    for choice in whole.pop("choices"):
        pieces = _cut(choice["text"], reply.pieces)
        for i, piece in enumerate(pieces):
            finish = choice["finish_reason"] if i == len(pieces) - 1 else None
            now = choice | {"text": piece, "finish_reason": finish}
            yield "data: " + _json(whole | {"usage": None, "choices": [now]})
    if (body.get("stream_options") or {}).get("include_usage"):
        yield "data: " + _json(whole | {"choices": []})
    yield "data: [DONE]"


# -- responses -------------------------------------------------------------------------------------


def response(reply: Reply, model: str, n: int, *, status: str = "completed") -> dict[str, Any]:
    """A whole response."""
    output: list[dict[str, Any]] = []
    if reply.text:
        output.append(
            {
                "type": "message",
                "id": f"msg_{n}",
                "status": "completed",
                "role": "assistant",
                "content": [
                    {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
                ],
            }
        )
    for i, (id_, call) in enumerate(_ids(reply, n)):
        output.append(
            {
                "type": "function_call",
                "id": f"fc_{n}_{i}",
                "call_id": id_,
                "name": call.name,
                "arguments": _json(call.arguments),
                "status": "completed",
            }
        )
    into, out = _usage(reply)
    return {
        "id": f"resp_{n}",
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": model,
        "output": output if status == "completed" else [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": into,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": out,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": into + out,
        },
    }


def response_events(reply: Reply, model: str, n: int) -> Iterator[str]:
    """A response as named events with sequence numbers."""
    number = -1

    def event(kind: str, **fields: Any) -> str:
        nonlocal number
        number += 1
        return f"event: {kind}\ndata: " + _json({"type": kind, "sequence_number": number, **fields})

    whole = response(reply, model, n)
    started = response(reply, model, n, status="in_progress")
    yield event("response.created", response=started)
    yield event("response.in_progress", response=started)
    for index, item in enumerate(whole["output"]):
        at = {"item_id": item["id"], "output_index": index}
        if item["type"] == "message":
            part = item["content"][0]
            empty = part | {"text": ""}
            begun = item | {"status": "in_progress", "content": []}
            yield event("response.output_item.added", output_index=index, item=begun)
            yield event("response.content_part.added", **at, content_index=0, part=empty)
            for piece in _cut(reply.text, reply.pieces):
                yield event(
                    "response.output_text.delta", **at, content_index=0, delta=piece, logprobs=[]
                )
            yield event(
                "response.output_text.done", **at, content_index=0, text=reply.text, logprobs=[]
            )
            yield event("response.content_part.done", **at, content_index=0, part=part)
        else:
            begun = item | {"status": "in_progress", "arguments": ""}
            yield event("response.output_item.added", output_index=index, item=begun)
            for piece in _cut(item["arguments"], 3):
                yield event("response.function_call_arguments.delta", **at, delta=piece)
            yield event(
                "response.function_call_arguments.done",
                **at,
                name=item["name"],
                arguments=item["arguments"],
            )
        yield event("response.output_item.done", output_index=index, item=item)
    yield event("response.completed", response=whole)


# -- anthropic messages ----------------------------------------------------------------------------


def message(reply: Reply, model: str, n: int) -> dict[str, Any]:
    """A whole message."""
    content: list[dict[str, Any]] = []
    if reply.text:
        content.append({"type": "text", "text": reply.text})
    for id_, call in _ids(reply, n):
        content.append({"type": "tool_use", "id": id_, "name": call.name, "input": call.arguments})
    into, out = _usage(reply)
    return {
        "id": f"msg_{n}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": "tool_use" if reply.calls else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": into, "output_tokens": out},
    }


def message_events(reply: Reply, model: str, n: int) -> Iterator[str]:
    """A message as named events."""

    def event(kind: str, **fields: Any) -> str:
        return f"event: {kind}\ndata: " + _json({"type": kind, **fields})

    whole = message(reply, model, n)
    begun = whole | {"content": [], "stop_reason": None}
    begun["usage"] = whole["usage"] | {"output_tokens": 1}
    yield event("message_start", message=begun)
    yield event("ping")
    for index, block in enumerate(whole["content"]):
        if block["type"] == "text":
            empty: dict[str, Any] = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": p} for p in _cut(reply.text, reply.pieces)]
        else:
            empty = block | {"input": {}}
            deltas = [
                {"type": "input_json_delta", "partial_json": p}
                for p in ("", *_cut(_json(block["input"]), 3))
            ]
        yield event("content_block_start", index=index, content_block=empty)
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    yield event(
        "message_delta",
        delta={"stop_reason": whole["stop_reason"], "stop_sequence": None},
        usage={"output_tokens": whole["usage"]["output_tokens"]},
    )
    yield event("message_stop")


# -- gemini generateContent ------------------------------------------------------------------------


def _generated(
    parts: list[dict[str, Any]], model: str, n: int, reply: Reply, *, finish: bool
) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    value: dict[str, Any] = {"candidates": [candidate], "modelVersion": model}
    into, out = _usage(reply)
    if finish:
        candidate["finishReason"] = "STOP"
    else:
        out = 0
    value["usageMetadata"] = {
        "promptTokenCount": into, "candidatesTokenCount": out, "totalTokenCount": into + out,
    }  # fmt: skip
    value["responseId"] = f"resp-{n}"
    return value


def _gemini_calls(reply: Reply) -> list[dict[str, Any]]:
    return [
        {
            "functionCall": {"name": call.name, "args": call.arguments}
            | ({"id": call.id} if call.id else {})
        }
        for call in reply.calls
    ]


def generated(reply: Reply, model: str, n: int) -> dict[str, Any]:
    """A whole answer of generateContent."""
    texts: list[dict[str, Any]] = [{"text": reply.text}] if reply.text else []
    return _generated(texts + _gemini_calls(reply), model, n, reply, finish=True)


def generated_chunks(reply: Reply, model: str, n: int) -> Iterator[dict[str, Any]]:
    """The same piece by piece: each a response with the parts that are new; calls stand whole."""
    parts: list[dict[str, Any]] = [{"text": p} for p in _cut(reply.text, reply.pieces)]
    parts += _gemini_calls(reply)
    for i, part in enumerate(parts):
        yield _generated([part], model, n, reply, finish=i == len(parts) - 1)


def generated_events(reply: Reply, model: str, n: int) -> Iterator[str]:
    """The pieces as ``data:`` events (``alt=sse``)."""
    for chunk in generated_chunks(reply, model, n):
        yield "data: " + _json(chunk)


def generated_array(reply: Reply, model: str, n: int) -> str:
    """The pieces as one JSON array, as they come without ``alt=sse``."""
    chunks = [
        json.dumps(c, ensure_ascii=False, indent=2) for c in generated_chunks(reply, model, n)
    ]
    return "[" + "\r\n,\r\n".join(chunks) + "\r\n]\r\n"


# -- the rest --------------------------------------------------------------------------------------


def embeddings(body: dict[str, Any], model: str) -> dict[str, Any]:
    """Vectors for each input."""
    texts = body.get("input")
    count = len(texts) if isinstance(texts, list) else 1
    return {
        "object": "list",
        "model": model,
        "data": [
            {"object": "embedding", "index": i, "embedding": [0.25, -0.5, 0.125]}
            for i in range(count)
        ],
        "usage": {"prompt_tokens": 3 * count, "total_tokens": 3 * count},
    }


def models() -> dict[str, Any]:
    """A list of models that any provider's client reads."""
    entry = {
        "id": "scripted",
        "name": "models/scripted",
        "object": "model",
        "type": "model",
        "created": 1,
        "created_at": "2026-01-01T00:00:00Z",
        "owned_by": "nobody",
        "display_name": "scripted",
    }
    return {
        "object": "list", "data": [entry], "models": [entry], "has_more": False, "first_id": "scripted",
        "last_id": "scripted",
    }  # fmt: skip
