"""Promise 6: one try, the SDK's own exception, one stable code, the id to look up."""

from typing import Any

import anthropic
import openai
import pytest
from google import genai

from firedoor import Door
from firedoor.testing import Reply, ScriptedUpstream
from firedoor.wire import CODES, refusal

ASK: Any = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("code", list(CODES))
def test_every_refusal_is_tried_once_by_both_sdks(upstream: ScriptedUpstream, code: str) -> None:
    """Sent by a provider, so that nothing but the answer itself stops the SDK from trying again."""
    made = refusal(code, "Because.", "c_1", param="/x", retry_after_s=1)
    headers = tuple(
        (n.decode(), v.decode()) for n, v in made.headers
        if n not in (b"content-length", b"content-type", b"x-request-id")
    )  # fmt: skip
    upstream.script = lambda call: Reply(raw=made.body, status=made.status, headers=headers)
    client = openai.OpenAI(base_url=upstream.openai, api_key="k")
    claude = anthropic.Anthropic(base_url=upstream.anthropic, api_key="k")
    with pytest.raises(openai.APIStatusError) as by_openai:
        client.chat.completions.create(model="m", messages=ASK)
    with pytest.raises(anthropic.APIStatusError) as by_anthropic:
        claude.messages.create(model="m", max_tokens=9, messages=ASK)
    assert len(upstream.calls) == 2
    assert (by_openai.value.code, by_openai.value.param) == (code, "/x")
    assert by_openai.value.status_code == by_anthropic.value.status_code == CODES[code][0]
    body: Any = by_anthropic.value.body
    assert body["error"]["code"] == code
    assert body["request_id"] == by_anthropic.value.request_id == "c_1"


@pytest.mark.parametrize("code", list(CODES))
def test_every_refusal_is_googles_clients_own(upstream: ScriptedUpstream, code: str) -> None:
    """Its exception takes the number from the head, and the name from ``error.status``."""
    made = refusal(code, "Because.", "c_1", param="/x")
    upstream.script = lambda call: Reply(raw=made.body, status=made.status)
    options = genai.types.HttpOptions(base_url=upstream.gemini)
    sdk = genai.Client(api_key="k", http_options=options)
    with pytest.raises(genai.errors.APIError, match=r"Because\.") as refused:
        sdk.models.generate_content(model="m", contents="hi")
    assert len(upstream.calls) == 1
    error: Any = refused.value
    assert (error.code, error.details["error"]["code"]) == (CODES[code][0], code)
    assert error.status.isupper()


@pytest.mark.parametrize("stream", [False, True])
def test_a_refused_call_can_be_looked_up(
    door: Door, upstream: ScriptedUpstream, stream: bool
) -> None:
    client = door.wrap(anthropic.Anthropic(base_url=upstream.anthropic, api_key="k"))
    with pytest.raises(anthropic.PermissionDeniedError) as refused:
        client.messages.create(
            model="m", max_tokens=9, messages=ASK, stream=stream, extra_body={"brand_new": "x"}
        )
    call = refused.value.response.headers["x-firedoor-call"]
    assert refused.value.request_id == call
    found = door.explain(call)
    assert (found["verdict"], found["code"]) == ("denied", "firedoor_unknown_surface")
    assert upstream.calls == []
