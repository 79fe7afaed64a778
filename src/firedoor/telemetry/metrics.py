"""Counters and times for Prometheus. Labels are words of small, closed sets; never content.

Counted in plain numbers, and made metrics when somebody asks: the library's own counters take a lock
at each step, which cost a call 15 us of its 1,100.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from firedoor.engine import Exchange
from firedoor.types.exchange import Surface

_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0)
_LIMITS = (*_BUCKETS, float("inf"))


class CallMetrics(Collector):
    """What a sidecar counts. Counting is for one thread, the event loop's."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._since: dict[tuple[Surface, str, str | None], float] = {}
        """When a kind of call was first seen."""
        self._calls: Counter[tuple[Surface, str, str | None]] = Counter()
        self._total = self._attributed = self._opaque = self._withheld = 0
        self._overheads = [0] * len(_LIMITS)
        """Calls by the least bucket that holds them."""
        self._overhead_s = 0.0
        self._started = time.time()
        self.registry.register(self)

    def on_close(self, exchange: Exchange) -> None:
        """Count one call."""
        if not exchange.ended:
            return
        key = (exchange.endpoint.surface, exchange.verdict, exchange.code)
        if key not in self._calls:
            self._since[key] = time.time()
        self._calls[key] += 1
        overhead_s = exchange.overhead_s
        self._overheads[bisect_left(_BUCKETS, overhead_s)] += 1
        self._overhead_s += overhead_s
        tally = exchange.tally
        self._total += tally.total
        self._attributed += tally.attributed
        self._opaque += tally.opaque
        self._withheld += tally.withheld

    def collect(self) -> Iterator[Metric]:
        """What was counted, as metrics."""
        calls = CounterMetricFamily(
            "firedoor_calls", "Calls by surface and verdict.", labels=("surface", "verdict", "code")
        )
        for key, count in self._calls.items():
            surface, verdict, code = key
            calls.add_metric((surface.value, verdict, code or ""), count, self._since[key])
        yield calls
        parts = CounterMetricFamily(
            "firedoor_parts", "Parts of requests, by what became of them.", labels=("kind",)
        )
        for kind, count in (
            ("total", self._total),
            ("attributed", self._attributed),
            ("opaque", self._opaque),
            ("withheld", self._withheld),
        ):
            parts.add_metric((kind,), count, self._started)
        yield parts
        overhead = HistogramMetricFamily(
            "firedoor_overhead_seconds", "Time spent in the door and its store, by call."
        )
        names = map(floatToGoString, _LIMITS)
        buckets = list(zip(names, map(float, accumulate(self._overheads)), strict=True))
        overhead.add_metric((), buckets, self._overhead_s)
        overhead.add_sample("firedoor_overhead_seconds_created", {}, self._started)
        yield overhead

    def text(self) -> tuple[bytes, str]:
        """The exposition, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_PLAIN_0_0_4
