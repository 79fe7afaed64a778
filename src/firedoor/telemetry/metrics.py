"""Counters and times for Prometheus. Labels are words of small, closed sets; never content."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from firedoor.engine import Exchange

_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0)
_KINDS = ("total", "attributed", "opaque", "withheld")


class CallMetrics:
    """What a sidecar counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "firedoor_calls", "Calls by surface and verdict.", ("surface", "verdict", "code"),
            registry=self.registry,
        )  # fmt: skip
        self._parts = Counter(
            "firedoor_parts", "Parts of requests, by what became of them.", ("kind",),
            registry=self.registry,
        )  # fmt: skip
        self._overhead = Histogram(
            "firedoor_overhead_seconds", "Time spent in the door and its store, by call.",
            buckets=_BUCKETS, registry=self.registry,
        )  # fmt: skip

        # Finding a child by its labels costs more than counting: they are few, and kept.
        self._children: dict[tuple[str, str, str], Counter] = {}
        self._kinds = {kind: self._parts.labels(kind) for kind in _KINDS}

    def on_close(self, exchange: Exchange) -> None:
        """Count one call."""
        if not exchange.ended:
            return
        key = (str(exchange.endpoint.surface), exchange.verdict, exchange.code or "")
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._calls.labels(*key)
        child.inc()
        self._overhead.observe(exchange.overhead_s)
        for kind in _KINDS:
            count = getattr(exchange.tally, kind)
            if count:
                self._kinds[kind].inc(count)

    def text(self) -> tuple[bytes, str]:
        """The exposition, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_PLAIN_0_0_4
