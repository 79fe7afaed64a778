"""What a key may use over its whole life is a limit of its account, whoever holds it."""

from typing import Any

import httpx
import openai
import pytest

from conftest import Serve
from firedoor.testing import ScriptedUpstream
from keys import ENVIRON, REQUIRED, issued, with_keys

ASK: Any = [{"role": "user", "content": "Write the report."}]


def client(url: str, key: str, name: str | None = None) -> openai.OpenAI:
    headers = {"x-firedoor-instance": name} if name is not None else {}
    return openai.OpenAI(base_url=url + "/v1", api_key=key, default_headers=headers)


def test_a_key_is_used_up_by_all_who_hold_it(serve: Serve, upstream: ScriptedUpstream) -> None:
    running = serve(policy=REQUIRED + with_keys(upstream), environ=ENVIRON)
    key, id_ = issued(running.store, instances="helper-*", caps=(("requests", 3),))
    for n in range(3):
        client(running.url, key, f"helper-{n}").chat.completions.create(model="m", messages=ASK)
    for n in range(3, 5):
        with pytest.raises(openai.APIStatusError) as refused:
            client(running.url, key, f"helper-{n}").chat.completions.create(model="m", messages=ASK)
        assert refused.value.status_code == 402
        assert refused.value.code == "firedoor_budget_exhausted"
        assert f"key:{id_}" in refused.value.message
    assert len(upstream.calls) == 3


def test_an_answer_longer_than_what_is_left_is_cut_at_the_provider(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    running = serve(policy=REQUIRED + with_keys(upstream), environ=ENVIRON)
    key, _ = issued(running.store, instance="helper", caps=(("output_tokens", 50),))
    client(running.url, key).chat.completions.create(model="m", messages=ASK)
    assert upstream.calls[0].body["max_completion_tokens"] == 50


def test_the_quota_of_a_key_is_told_to_its_holder_alone(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    running = serve(policy=REQUIRED + with_keys(upstream), environ=ENVIRON)
    key, _ = issued(running.store, caps=(("requests", 3),))
    client(running.url, key).chat.completions.create(model="m", messages=ASK)

    def told(secret: str) -> httpx.Response:
        return httpx.get(
            f"{running.url}/v1/firedoor/quota", headers={"authorization": f"Bearer {secret}"}
        )

    assert told("fd_unknown").status_code == 401
    assert told(key).status_code == 200
