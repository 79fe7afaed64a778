"""One client span an exchange, with names that others know and no content."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from firedoor import Door
from firedoor.telemetry import ExchangeSpans
from firedoor.testing import Reply, ScriptedUpstream

SECRET = "the heron nests by the eastern sluice"


@pytest.fixture
def spans(door: Door) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    door._spans = ExchangeSpans(provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


def ask(door: Door, upstream: ScriptedUpstream, **more: Any) -> None:
    client = door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0))
    with door.instance("planner", compartment="research"):
        found = client.chat.completions.create(
            model="gpt-x", messages=[{"role": "user", "content": SECRET}], **more
        )
        list(found)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_is_one_client_span(
    door: Door, upstream: ScriptedUpstream, spans: InMemorySpanExporter, stream: bool
) -> None:
    upstream.script = lambda call: Reply("All of it: " + SECRET)
    ask(door, upstream, stream=stream)
    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind) == ("chat gpt-x", SpanKind.CLIENT)
    found = attributes(span)
    assert found["gen_ai.operation.name"] == "chat"
    assert found["gen_ai.provider.name"] == "openai"
    assert found["gen_ai.response.finish_reasons"] == ("stop",)
    assert found["gen_ai.agent.name"] == "planner"
    assert found["firedoor.verdict"] == "allow"
    assert found["firedoor.generation"] == 0
    assert found["firedoor.exposures"] == 0
    assert found["firedoor.policy.digest"].startswith("sha256:")
    assert found["firedoor.call"] == door.last.call  # type: ignore[union-attr]
    assert SECRET not in span.to_json()


def test_a_refusal_is_an_error_span(
    door: Door, upstream: ScriptedUpstream, spans: InMemorySpanExporter
) -> None:
    with pytest.raises(openai.PermissionDeniedError):
        ask(door, upstream, extra_body={"brand_new": {"x": SECRET}})
    (span,) = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert attributes(span)["error.type"] == "firedoor_unknown_surface"
    assert SECRET not in span.to_json()


def test_a_broken_exporter_breaks_no_call(door: Door, upstream: ScriptedUpstream) -> None:
    class Broken:
        def start_span(self, *args: object, **kwargs: object) -> object:
            raise RuntimeError("no tracing today")

    door._spans = ExchangeSpans(Broken())  # type: ignore[arg-type]
    ask(door, upstream)
    assert door.last is not None
