"""One CLIENT span for each exchange, child of the caller's span. Without an SDK it is a no-op.

Telemetry never raises into a call, and a span never holds content: a span with content is itself
a path by which text spreads.
"""

import logging
from collections.abc import Sequence
from typing import Final

from opentelemetry import trace
from opentelemetry.propagate import extract
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from firedoor.engine import Exchange, ExchangeSummary
from firedoor.telemetry import genai

_LOG: Final = logging.getLogger("firedoor.telemetry")
_SPAN_NAME_CHARS_MAX: Final = 120


class ExchangeSpans:
    """Opens a span when an exchange opens, and ends it with the exchange's summary."""

    def __init__(self, tracer: Tracer | None = None, version: str | None = None) -> None:
        self._tracer = tracer or trace.get_tracer("firedoor", version, schema_url=genai.SCHEMA_URL)
        self._given = tracer is not None
        self._open: dict[int, Span] = {}

    @property
    def seen(self) -> bool:
        """Whether an SDK is set up by now: else nobody would see a span."""
        proxied = isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
        return self._given or not proxied

    def on_open(self, exchange: Exchange) -> None:
        """Start the span, under the ambient one or the request's ``traceparent``."""
        if not self.seen:
            return
        try:
            current = trace.get_current_span()
            context = None
            if not current.get_span_context().is_valid:
                carrier = {
                    name.decode("latin-1"): value.decode("latin-1")
                    for name, value in exchange.head.headers
                    if name in (b"traceparent", b"tracestate")
                }
                context = extract(carrier) if carrier else None
            operation = genai.OPERATIONS.get(
                exchange.endpoint.surface.value, exchange.endpoint.surface.value
            )
            span = self._tracer.start_span(operation, context=context, kind=SpanKind.CLIENT)
            self._open[id(exchange)] = span
        except Exception:
            _LOG.warning("a span could not be started", exc_info=True)

    def on_close(self, exchange: Exchange) -> None:
        """End the span with what the exchange came to."""
        span = self._open.pop(id(exchange), None)
        if span is None:
            return
        try:
            if span.is_recording() and exchange.summary is not None:
                _describe(span, exchange.summary)
        except Exception:
            _LOG.warning("a span could not be described", exc_info=True)
        finally:
            span.end()


def _describe(span: Span, summary: ExchangeSummary) -> None:
    operation = genai.OPERATIONS.get(summary.surface.value)
    provider = summary.surface.value.partition(".")[0]
    name = " ".join(filter(None, (operation or summary.endpoint, summary.model)))
    span.update_name(name[:_SPAN_NAME_CHARS_MAX])
    values: dict[str, str | int | bool | Sequence[str] | None] = {
        genai.OPERATION_NAME: operation,
        genai.PROVIDER_NAME: provider,
        genai.REQUEST_MODEL: summary.model,
        genai.REQUEST_STREAM: summary.stream,
        genai.RESPONSE_MODEL: summary.answer_model,
        genai.RESPONSE_ID: summary.answer_id,
        genai.RESPONSE_FINISH_REASONS: summary.finish or None,
        genai.USAGE_INPUT_TOKENS: summary.input_tokens,
        genai.USAGE_OUTPUT_TOKENS: summary.output_tokens,
        genai.AGENT_ID: summary.instance_id,
        genai.AGENT_NAME: summary.instance,
        genai.CONVERSATION_ID: summary.run,
        genai.HTTP_STATUS: summary.status,
        genai.CALL: summary.call,
        genai.VERDICT: summary.verdict,
        genai.CODE: summary.code,
        genai.RULES: summary.rules or None,
        # Unknown depth ranks above every number; an attribute has no such number, so it is -1.
        genai.GENERATION: -1 if summary.generation is None else summary.generation,
        genai.EXPOSURES: summary.exposures,
        genai.POLICY_DIGEST: summary.policy,
        genai.MODE: summary.mode,
        genai.COMPARTMENT: summary.compartment,
        genai.QUARANTINE: summary.quarantined or None,
    }
    for key, value in values.items():
        if value is not None:
            span.set_attribute(key, value)
    for warned in summary.warned:
        account, _, kind = warned.rpartition(" ")
        span.add_event(genai.BUDGET_WARNED, {"firedoor.account": account, "firedoor.kind": kind})
    if summary.code is not None or (summary.status or 0) >= 400:
        error = summary.code or str(summary.status)
        span.set_attribute(genai.ERROR_TYPE, error)
        span.set_status(Status(StatusCode.ERROR, error))
