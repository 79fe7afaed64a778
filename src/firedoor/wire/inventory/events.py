"""The events of streams: what each one carries, by surface."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Carries(StrEnum):
    """What an event of a stream brings."""

    TEXT = "text"
    CALL = "call"
    """A piece of a tool call, or all of it."""
    HOSTED = "hosted"
    """A piece of what a tool at the provider does or found."""
    MEDIA = "media"
    WHOLE = "whole"
    """An item, a block or the answer, with all that it says."""
    STATE = "state"
    """How far it is; nothing that anybody wrote."""
    END = "end"
    ERROR = "error"


_TEXT, _CALL, _HOSTED, _MEDIA = Carries.TEXT, Carries.CALL, Carries.HOSTED, Carries.MEDIA
_WHOLE, _STATE, _END = Carries.WHOLE, Carries.STATE, Carries.END


def _named(pattern: str, names: str) -> list[str]:
    return [pattern.format(name) for name in names.split()]


EVENTS: Final[Mapping[str, Mapping[str, Carries]]] = {
    "openai:responses": {
        "error": Carries.ERROR,
        "response.created": _STATE,
        "response.in_progress": _STATE,
        "response.queued": _STATE,
        "response.compaction.compacting": _STATE,
        "response.completed": _END,
        "response.failed": _END,
        "response.incomplete": _END,
        **dict.fromkeys(_named("response.output_item.{}", "added done"), _WHOLE),
        **dict.fromkeys(_named("response.content_part.{}", "added done"), _WHOLE),
        **dict.fromkeys(_named("response.reasoning_summary_part.{}", "added done"), _WHOLE),
        "response.output_text.annotation.added": _TEXT,
        **dict.fromkeys(_named("response.output_text.{}", "delta done"), _TEXT),
        **dict.fromkeys(_named("response.refusal.{}", "delta done"), _TEXT),
        **dict.fromkeys(_named("response.reasoning_text.{}", "delta done"), _TEXT),
        **dict.fromkeys(_named("response.reasoning_summary_text.{}", "delta done"), _TEXT),
        **dict.fromkeys(_named("response.audio.transcript.{}", "delta done"), _TEXT),
        **dict.fromkeys(_named("response.audio.{}", "delta done"), _MEDIA),
        **dict.fromkeys(_named("response.function_call_arguments.{}", "delta done"), _CALL),
        **dict.fromkeys(_named("response.custom_tool_call_input.{}", "delta done"), _CALL),
        **dict.fromkeys(_named("response.shell_call_command.{}", "added delta done"), _CALL),
        **dict.fromkeys(_named("response.shell_call_output_content.{}", "delta done"), _HOSTED),
        **dict.fromkeys(_named("response.mcp_call_arguments.{}", "delta done"), _HOSTED),
        **dict.fromkeys(_named("response.code_interpreter_call_code.{}", "delta done"), _HOSTED),
        **dict.fromkeys(_named("response.mcp_call.{}", "completed failed in_progress"), _STATE),
        **dict.fromkeys(
            _named("response.mcp_list_tools.{}", "completed failed in_progress"), _STATE
        ),
        **dict.fromkeys(
            _named("response.code_interpreter_call.{}", "completed in_progress interpreting"),
            _STATE,
        ),
        **dict.fromkeys(
            _named("response.{}_call.completed", "file_search web_search image_generation"), _STATE
        ),
        **dict.fromkeys(
            _named("response.{}_call.in_progress", "file_search web_search image_generation"),
            _STATE,
        ),
        **dict.fromkeys(_named("response.{}_call.searching", "file_search web_search"), _STATE),
        "response.image_generation_call.generating": _STATE,
        "response.image_generation_call.partial_image": _MEDIA,
    },
    "openai:images": {
        **dict.fromkeys(_named("{}.partial_image", "image_generation image_edit"), _MEDIA),
        **dict.fromkeys(_named("{}.completed", "image_generation image_edit"), _END),
    },
    "openai:audio": {
        **dict.fromkeys(_named("transcript.text.{}", "delta segment"), _TEXT),
        "transcript.text.done": _END,
        "speech.audio.delta": _MEDIA,
        "speech.audio.done": _END,
    },
    "anthropic:messages": {
        "message_start": _WHOLE,
        "content_block_start": _WHOLE,
        "content_block_delta": _TEXT,
        "content_block_stop": _STATE,
        "message_delta": _STATE,
        "message_stop": _END,
        "ping": _STATE,
        "error": Carries.ERROR,
    },
    "gemini:interactions": {
        "interaction.created": _STATE,
        "interaction.status_update": _STATE,
        "interaction.completed": _END,
        "step.start": _WHOLE,
        "step.delta": _TEXT,
        "step.stop": _STATE,
        "error": Carries.ERROR,
    },
}
"""Chat completions and completions name no events: every one is a piece of the answer."""

DELTAS: Final[Mapping[str, Carries]] = {
    "text_delta": _TEXT,
    "thinking_delta": _TEXT,
    "citations_delta": _TEXT,
    "compaction_delta": _TEXT,
    "input_json_delta": _CALL,
    "signature_delta": _STATE,
}
"""What a ``content_block_delta`` of Anthropic brings."""
