"""Whose call is it?

May import: types, errors.
"""

from firedoor.identity.claims import (
    Claims,
    claims_of,
    forwarded_headers,
    is_placeholder,
)
from firedoor.identity.history import (
    EMPTY_CHAIN,
    attempt_of,
    chains_at_answers,
    extend,
    extend_all,
)
from firedoor.identity.keyed import Widening, narrowed, room_of_key, who_of_key, widening
from firedoor.identity.rooms import (
    Base,
    Who,
    credential_of,
    fork_of,
    new_instance,
    short_id,
    shown_run,
    who_is,
)
from firedoor.identity.virtual import (
    CREDENTIAL_HEADERS,
    KEY_CHARS_MAX,
    QUERY_CREDENTIAL,
    query_without_key,
    virtual_in,
    without_key,
)

__all__ = [
    "CREDENTIAL_HEADERS",
    "EMPTY_CHAIN",
    "KEY_CHARS_MAX",
    "QUERY_CREDENTIAL",
    "Base",
    "Claims",
    "Who",
    "Widening",
    "attempt_of",
    "chains_at_answers",
    "claims_of",
    "credential_of",
    "extend",
    "extend_all",
    "fork_of",
    "forwarded_headers",
    "is_placeholder",
    "narrowed",
    "new_instance",
    "query_without_key",
    "room_of_key",
    "short_id",
    "shown_run",
    "virtual_in",
    "who_is",
    "who_of_key",
    "widening",
    "without_key",
]
