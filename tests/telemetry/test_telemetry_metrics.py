"""What Prometheus is told of calls: counts by small, closed sets of words, and times by bucket."""

from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from firedoor.telemetry.metrics import CallMetrics
from firedoor.types.exchange import Surface


def closed(overhead_s: float = 0.0, code: str | None = None, **more: Any) -> Any:
    """An exchange that ended, as far as it is counted."""
    tally = SimpleNamespace(total=5, attributed=4, opaque=1, withheld=0)
    told = {
        "ended": True,
        "endpoint": SimpleNamespace(surface=Surface.OPENAI_CHAT),
        "verdict": "allow" if code is None else "denied",
        "code": code,
        "overhead_s": overhead_s,
        "tally": tally,
    }
    return SimpleNamespace(**(told | more))


def samples(metrics: CallMetrics) -> dict[tuple[str, ...], float]:
    """Every sample of the exposition by its name and the values of its labels."""
    text, _ = metrics.text()
    return {
        (s.name, *s.labels.values()): s.value
        for family in text_string_to_metric_families(text.decode())
        for s in family.samples
    }


def test_calls_are_counted_by_surface_verdict_and_code() -> None:
    """A call counts once it has ended; one that never did is no call."""
    metrics = CallMetrics()
    for exchange in (closed(), closed(), closed(code="firedoor_denied"), closed(ended=False)):
        metrics.on_close(exchange)
    found = samples(metrics)
    assert found["firedoor_calls_total", "", "openai.chat", "allow"] == 2
    assert found["firedoor_calls_total", "firedoor_denied", "openai.chat", "denied"] == 1
    assert found["firedoor_parts_total", "total"] == 15
    assert found["firedoor_parts_total", "opaque"] == 3
    assert found["firedoor_parts_total", "withheld"] == 0
    assert found["firedoor_calls_created", "", "openai.chat", "allow"] > 0


@pytest.mark.parametrize(
    ("overhead_s", "least"), [(0.0005, "0.0005"), (0.0006, "0.001"), (1.0, "1.0"), (7.0, "+Inf")]
)
def test_a_call_is_in_each_bucket_that_holds_its_time(overhead_s: float, least: str) -> None:
    """Buckets are cumulative, and a limit belongs to its own bucket."""
    metrics = CallMetrics()
    metrics.on_close(closed(overhead_s))
    found = samples(metrics)
    buckets = {k[1]: v for k, v in found.items() if k[0] == "firedoor_overhead_seconds_bucket"}
    names = list(buckets)
    assert [n for n in names if buckets[n]] == names[names.index(least) :]
    assert found["firedoor_overhead_seconds_sum",] == pytest.approx(overhead_s)
    assert found["firedoor_overhead_seconds_count",] == 1
