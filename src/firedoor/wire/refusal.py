"""Refusals in all providers' shapes at once (DESIGN §7), final to every SDK."""

import json
from collections.abc import Iterable
from typing import Final, NamedTuple

from firedoor.types.exchange import Headers

CODES: Final[dict[str, tuple[int, str]]] = {
    "firedoor_denied": (403, "permission_error"),
    "firedoor_foreign_state": (403, "permission_error"),
    "firedoor_contained": (403, "permission_error"),
    "firedoor_recalled": (403, "permission_error"),
    "firedoor_unknown_surface": (403, "permission_error"),
    "firedoor_malformed": (400, "invalid_request_error"),
    "firedoor_too_large": (413, "request_too_large"),
    "firedoor_bad_key": (401, "authentication_error"),
    "firedoor_budget_exhausted": (402, "billing_error"),
    "firedoor_rate_limited": (429, "rate_limit_error"),
    "firedoor_unavailable": (503, "api_error"),
}
"""Every code, its status and the provider's own word for it."""

# Google's clients read `error.status`; the number they take from the head.
_GOOGLE: Final[dict[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    504: "DEADLINE_EXCEEDED",
}


class Refusal(NamedTuple):
    """A whole answer."""

    status: int
    headers: Headers
    body: bytes


def google_status(code: str) -> tuple[int, str]:
    """The number and the name by which Google's clients know what ``code`` says."""
    status = CODES[code][0] if code in CODES else 502
    return status, _GOOGLE.get(status, "UNAVAILABLE")


def _answer(
    status: int,
    kind: str,
    code: str,
    message: str,
    request_id: str,
    param: str | None,
    headers: Iterable[tuple[bytes, bytes]],
) -> Refusal:
    body = json.dumps(
        {
            "type": "error",
            "error": {
                "type": kind,
                "message": message,
                "code": code,
                "param": param,
                "status": _GOOGLE.get(status, "UNAVAILABLE"),
            },
            "request_id": request_id,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode("utf-8", "replace")
    own = (
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.encode()),
        (b"request-id", request_id.encode()),
    )
    return Refusal(status, (*own, *headers), body)


def refusal(
    code: str,
    message: str,
    request_id: str,
    *,
    param: str | None = None,
    headers: Iterable[tuple[bytes, bytes]] = (),
    retry_after_s: int | None = None,
) -> Refusal:
    """The answer that refuses a call; ``code`` is one of `CODES`. SDKs do not retry it."""
    status, kind = CODES[code]
    extra = [(b"x-should-retry", b"false")]
    if retry_after_s is not None:
        extra.append((b"retry-after", str(retry_after_s).encode()))
    return _answer(status, kind, code, message, request_id, param, (*extra, *headers))


_FAILURES: Final = {
    "refused": "The provider could not be reached through the door.",
    "timeout": "The provider did not answer in time.",
    "reset": "The connection to the provider broke off before its answer was whole.",
    "shutdown": "The door was stopped before the provider's answer was whole.",
}
"""What may go well at the next try: SDKs are left to make it."""
_FINAL_FAILURES: Final = {
    "malformed": "The provider's answer cannot be read by this door, so it was not passed on.",
    "redirect": "The provider answered with a redirect, which would lead past this door.",
    "too_large": "The provider's answer is larger than this door takes.",
    "failed": "The door failed on the provider's answer, so it was not passed on.",
}
"""Answers that came and did not pass: the next would fare no better, and would be paid for."""


def upstream_failure(
    status: int, reason: str, request_id: str, *, headers: Iterable[tuple[bytes, bytes]] = ()
) -> Refusal:
    """The answer when the provider gave none that could pass. SDKs try again where that may help."""
    final = _FINAL_FAILURES.get(reason)
    message = final or _FAILURES.get(reason, _FAILURES["reset"])
    extra = [(b"x-should-retry", b"false")] if final is not None else []
    return _answer(
        status, "api_error", "firedoor_upstream", f"{message} ({reason})", request_id, None,
        (*extra, *headers),
    )  # fmt: skip
