"""What a client is told when the provider gave no answer that could pass."""

import json

import pytest

from firedoor.wire import upstream_failure


@pytest.mark.parametrize(
    ("reason", "final"),
    [("refused", False), ("timeout", False), ("reset", False), ("shutdown", False),
     ("malformed", True), ("redirect", True), ("too_large", True), ("failed", True)],
)  # fmt: skip
def test_what_came_and_did_not_pass_is_not_tried_again(reason: str, final: bool) -> None:
    made = upstream_failure(502, reason, "c_1")
    assert ((b"x-should-retry", b"false") in made.headers) is final
    told = json.loads(made.body)["error"]["message"]
    assert ("could not be reached" in told) is (reason == "refused")
