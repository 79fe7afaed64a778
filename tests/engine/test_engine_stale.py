"""A commit that comes back stale: everything is judged again, and counted once."""

from typing import Any

import pytest

from driving import Office, settings_for
from firedoor.engine.port import Commit, Stale
from firedoor.types.exchange import Binding

WHO = Binding("a", "press")
TURNS = [{"role": "user", "content": "When does the harbour office move?"}]


class Hurried(Office):
    """An office in which orders change under the next few commits."""

    stale = 0

    def _ask(self, command: Any) -> Any:
        if isinstance(command, Commit) and self.stale:
            self.stale -= 1
            return Stale("orders")
        return super()._ask(command)


@pytest.mark.parametrize("stale", [1, 3])
def test_what_is_judged_again_is_counted_once(stale: int) -> None:
    office = Hurried(settings_for(None, "contain"))
    calm = Office(settings_for(None, "contain"))
    office.stale = stale
    for turns in (TURNS, [*TURNS, {"role": "assistant", "content": "All right, that is done."},
                          {"role": "user", "content": "And which pier?"}]):  # fmt: skip
        told = office.explain(office.call(WHO, turns))
        wanted = calm.explain(calm.call(WHO, turns))
        assert told["coverage"] == wanted["coverage"]
        assert [p["pointer"] for p in told["parts"]] == [p["pointer"] for p in wanted["parts"]]
        office.stale = stale


def test_orders_that_never_settle_end_in_a_refusal() -> None:
    office = Hurried(settings_for(None, "contain"))
    office.stale = 1_000
    outcome = office.call(WHO, TURNS)
    assert (outcome.status, outcome.code, outcome.sent) == (503, "firedoor_unavailable", None)
