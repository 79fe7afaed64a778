"""Broken rules, each of which the checks must find: else they prove nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from firedoor.engine import judge, judged, scene, trail
from firedoor.lineage import calculus
from firedoor.types.label import BOTTOM, Label, is_unknown, join, join_all, up

Arm = Callable[[pytest.MonkeyPatch], None]


def _author(patch: pytest.MonkeyPatch) -> None:
    """A match has the depth of its author, not of whoever carried it here (line 10)."""
    honest = calculus._span

    def naive(*found: Any, **how: Any) -> Any:
        span, receiver = honest(*found, **how), found[5]
        first = span.author
        return span._replace(label=up(first.label, first.room, receiver.room))

    patch.setattr(calculus, "_span", naive)


def _one(patch: pytest.MonkeyPatch) -> None:
    """Unknown depth counts as one crossing (lines 1 and 17)."""
    patch.setattr(calculus, "TOP", calculus.TOP._replace(depth=1))


def _unjoined(patch: pytest.MonkeyPatch) -> None:
    """What was withheld does not join the run, though its program has read it (line 20)."""
    honest = judge._Section.outcome

    def outcome(self: Any, digests: Any) -> Any:
        self.presented = self.shown
        return honest(self, digests)

    reading = scene.Scene.having_read

    def having_read(self: Any, sections: Any) -> Any:
        before = self.run_label
        after = reading(self, sections)
        if self.enforcing:
            kept = [x.label for x in after.labels.values() if not is_unknown(x.label)]
            after.run_label = join(before, join_all(x for x in kept if x.depth < 2))
            after.labels = {}
        return after

    patch.setattr(judge._Section, "outcome", outcome)
    patch.setattr(scene.Scene, "having_read", having_read)


def _innocent(patch: pytest.MonkeyPatch) -> None:
    """What nothing proves is taken for a person's, by its role (line 17)."""
    honest = calculus._unproven

    def naive(known: Any, receiver: Any) -> Any:
        return honest(known, receiver)._replace(label=Label(0))

    patch.setattr(calculus, "_unproven", naive)


def _orphans(patch: pytest.MonkeyPatch) -> None:
    """A run does not take on what its spawners read (line 25)."""
    patch.setattr(judged.Judged, "_handed_down", lambda self, found, run: run.label)


def _closed(patch: pytest.MonkeyPatch) -> None:
    """What comes out of an open store is clean if nothing is known of it (lines 11 and 17)."""
    patch.setattr(calculus, "TOP", BOTTOM)


def _forgetful(patch: pytest.MonkeyPatch) -> None:
    """Server state is forgotten with the call that names it (line 21)."""
    honest = calculus._reference

    def naive(known: Any, receiver: Any) -> Any:
        return honest(known, receiver)._replace(label=BOTTOM)

    patch.setattr(calculus, "_reference", naive)


ARMS: dict[str, Arm] = {
    "the author's depth, not the carrier's": _author,
    "unknown depth is one": _one,
    "withheld parts do not join the run": _unjoined,
    "unproven text is its role's": _innocent,
    "nothing is handed down to who is spawned": _orphans,
    "open stores are clean": _closed,
    "server state is forgotten": _forgetful,
}


@contextmanager
def broken(arm: str) -> Iterator[None]:
    """The engine under one broken rule."""
    calculus.label_without_evidence.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        ARMS[arm](patch)
        yield
    calculus.label_without_evidence.cache_clear()


__all__ = ["ARMS", "broken", "trail"]
