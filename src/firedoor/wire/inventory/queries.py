"""The names that a query may hold. A query is text that anybody may write, so none is let by unseen."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from firedoor.wire.inventory.endpoints import Act, Operation

_EVERYWHERE: Final = frozenset({"beta"})
_BY_PROVIDER: Final[Mapping[str, frozenset[str]]] = {
    # Gemini takes its key in the query too, and says there that it wants a stream.
    "gemini": frozenset(
        {
            "alt",
            "key",
            "$alt",
            "pageSize",
            "pageToken",
            "page_size",
            "page_token",
            "updateMask",
            "update_mask",
            "uploadType",
        }
    ),
}
_BY_ACT: Final[Mapping[Act, frozenset[str]]] = {
    Act.LIST: frozenset(
        {
            "after", "after_id", "api_key_id", "before", "before_id", "created_at[gte]",
            "created_at[lte]", "depth", "filter", "ids", "include", "include[]", "include_archived",
            "lifecycle", "limit", "memory_id", "metadata", "model", "name", "operation", "order",
            "order_by", "page", "page_size", "path_prefix", "project_id", "purpose", "scope_id",
            "service_account_id", "session_id", "source", "status", "view",
        }
    ),
    Act.READ: frozenset(
        {
            "include", "include[]", "include_input", "include_obfuscation", "last_event_id",
            "starting_after", "stream", "variant", "view",
        }
    ),
    Act.CALL: frozenset(),
    Act.CREATE: frozenset({"include", "include[]", "view"}),
    Act.CHANGE: frozenset({"view"}),
    Act.DELETE: frozenset({"expected_content_sha256", "force"}),
}  # fmt: skip


@cache
def query_names(operation: Operation) -> frozenset[str]:
    """What the query of ``operation`` may name."""
    if operation.path.startswith("/upload/"):
        named = frozenset({"upload_id", "upload_protocol"})
        return _EVERYWHERE | named | _BY_PROVIDER.get(operation.provider, frozenset())
    named = _BY_ACT.get(operation.act, frozenset())
    return _EVERYWHERE | named | _BY_PROVIDER.get(operation.provider, frozenset())
