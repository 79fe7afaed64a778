"""Hops: what makes one call hold more instances than the door sees on the wire.

The shapes mark the fields, items, blocks and tools (``Hop`` in ``wire/shape``); the table of beta
headers stands here. What is done about a hop, ``policy`` says.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final, NamedTuple

HOPS: Final[Mapping[str, str]] = {
    "admin": "it reaches the provider's own controls",
    "advisor": "a second model reads the whole transcript and writes into it",
    "agent_memory": "instances read and write a store at the provider, inside the call",
    "continuation": "another run goes on from what this one left at the provider",
    "dreaming": "a model reads many sessions and writes a memory for later ones",
    "environment": "instances share a machine at the provider",
    "experimental": "nobody outside the provider knows what it does",
    "fallback": "another model goes on with what this one began",
    "hosted_agent": "an agent that runs at the provider acts, and its steps are not on this wire",
    "identity": "it acts for a person's profile",
    "integrations": "results go to somebody else's service",
    "mcp": "the provider calls a server that the door does not see, which may be an agent",
    "multi_agent": "instances are started and talk to one another at the provider",
    "skills": "instructions that somebody left for every later instance are read",
    "thread": "the history stands at the provider, and other calls write to it",
    "tool_changes": "whoever writes the history gives the instance tools",
    "webhook": "the answer is sent to somebody else",
}
"""Why each is one."""


class Beta(NamedTuple):
    """What a value of a header asks for."""

    hop: str | None
    """The hop that it opens; None where it changes nothing about who is in the call."""
    home: str | None = None
    """The family whose endpoints ask for it: there, the endpoint's own treatment decides."""


_PLAIN: Final = Beta(None)

BETAS: Final[Mapping[str, Mapping[str, Beta]]] = {
    "anthropic-beta": {
        **dict.fromkeys(
            (
                "advanced-tool-use-*", "cache-diagnosis-*", "claude-code-*", "code-execution-*",
                "compact-*", "computer-use-*", "context-1m-*", "context-management-*",
                "dev-full-thinking-*", "effort-*", "extended-cache-ttl-*", "fast-mode-*",
                "files-api-*", "fine-grained-tool-streaming-*", "interleaved-thinking-*",
                "max-tokens-3-5-sonnet-*", "message-batches-*",
                "mid-conversation-output-config-*", "mid-conversation-system-*",
                "model-context-window-exceeded-*", "oauth-*", "output-128k-*", "output-300k-*",
                "pdfs-*", "prompt-caching-*", "search-results-*", "structured-outputs-*",
                "task-budgets-*", "thinking-binding-controls-*", "thinking-display-updates-*",
                "thinking-token-count-*", "token-counting-*", "token-efficient-tools-*",
                "tool-examples-*", "tool-search-tool-*", "web-fetch-*", "web-search-*",
            ),
            _PLAIN,
        ),
        "admin-user-sign-out-*": Beta("admin", "admin"),
        "advisor-tool-*": Beta("advisor"),
        "agent-memory-*": Beta("agent_memory", "memory"),
        "analytics-usage-cost-*": Beta("admin", "admin"),
        "ce-*": Beta("admin", "admin"),
        "dreaming-*": Beta("dreaming", "hosted"),
        "efs-*": Beta("admin", "admin"),
        "experimental-*": Beta("experimental", "admin"),
        "fallback-credit-*": Beta("fallback"),
        "inline-tools-*": Beta("tool_changes"),
        "managed-agents-*": Beta("hosted_agent", "hosted"),
        "mcp-client-*": Beta("mcp"),
        "mcp-tunnels-*": Beta("mcp", "credentials"),
        "message-threads-*": Beta("thread"),
        "mid-conversation-tool-changes-*": Beta("tool_changes"),
        "server-side-fallback-*": Beta("fallback"),
        "skills-*": Beta("skills", "skills"),
        "spend-limit-reads-*": Beta("admin", "admin"),
        "telemetry-destinations-*": Beta("admin", "admin"),
        "user-profiles-*": Beta("identity", "identity"),
        "webhooks-*": Beta("webhook", "webhooks"),
    },
    "openai-beta": {
        "agents=*": Beta("hosted_agent", "hosted"),
        "assistants=*": _PLAIN,
        "chatkit_beta=*": Beta("hosted_agent", "hosted"),
        "realtime=*": _PLAIN,
        "responses=*": _PLAIN,
        "responses_multi_agent=*": Beta("multi_agent"),
    },
}  # fmt: skip
"""Values of headers, by pattern. A value that no row names is unknown."""

BETA_HEADERS: Final = tuple(name.encode() for name in BETAS)


@lru_cache(maxsize=256)
def beta_of(header: str, value: str) -> Beta | None:
    """What one value of a beta header asks for; None for a value that no row names."""
    for glob, beta in BETAS[header].items():
        if fnmatchcase(value, glob):
            return beta
    return None
