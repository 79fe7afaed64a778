"""Whose call is it?

May import: types, errors.
"""

from firedoor.identity.claims import (
    QUERY_CREDENTIAL,
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

__all__ = [
    "EMPTY_CHAIN",
    "QUERY_CREDENTIAL",
    "Base",
    "Claims",
    "Who",
    "attempt_of",
    "chains_at_answers",
    "claims_of",
    "credential_of",
    "extend",
    "extend_all",
    "fork_of",
    "forwarded_headers",
    "is_placeholder",
    "new_instance",
    "short_id",
    "shown_run",
    "who_is",
]
