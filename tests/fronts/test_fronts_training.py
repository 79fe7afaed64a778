"""The training gate: what instances wrote is learned from when a person has said so, and not before."""

import itertools
import json
from typing import Any

import openai
import pytest
from typer.testing import CliRunner

from conftest import Running, Serve
from firedoor import Door
from firedoor.cli import app
from firedoor.testing import Reply, ScriptedUpstream
from firedoor.testing.upstream import UpstreamCall

SAID = "The harbour office moves to the north pier on the first of May."
CLEAN = "A sentence that nobody but the operator ever wrote down."


def lines(*texts: str) -> bytes:
    """A fine-tuning file: an exchange a line."""
    return b"\n".join(
        json.dumps(
            {"messages": [{"role": "user", "content": "Where?"},
                          {"role": "assistant", "content": text}]}
        ).encode()
        for text in texts
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _provider(upstream: ScriptedUpstream) -> None:
    numbers = itertools.count(1)
    kinds = {
        "files": ("file", "file"), "jobs": ("ftjob", "fine_tuning.job"), "batches": ("batch", "batch"),
        "evals": ("eval", "eval"), "runs": ("run", "eval.run"),
    }  # fmt: skip

    def script(call: UpstreamCall) -> Reply:
        last = call.path.partition("?")[0].rpartition("/")[2]
        if last not in kinds:
            return Reply(SAID)
        prefix, kind = kinds[last]
        made = {"id": f"{prefix}_{next(numbers):04}", "object": kind}
        return Reply(raw=json.dumps(made).encode())

    upstream.script = script


@pytest.fixture
def sdk(door: Door, upstream: ScriptedUpstream) -> openai.OpenAI:
    client: openai.OpenAI = door.wrap(
        openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0)
    )
    return client


def says(sdk: openai.OpenAI) -> str:
    """An instance writes something."""
    answer = sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "Tell."}])
    return answer.choices[0].message.content or ""


def upload(sdk: openai.OpenAI, content: bytes, purpose: Any = "fine-tune") -> str:
    return sdk.files.create(file=("train.jsonl", content), purpose=purpose).id


def train(sdk: openai.OpenAI, file: str, **more: Any) -> str:
    return sdk.fine_tuning.jobs.create(model="m", training_file=file, **more).id


def refused(call: Any) -> openai.PermissionDeniedError:
    with pytest.raises(openai.PermissionDeniedError) as error:
        call()
    assert error.value.code == "firedoor_denied"
    return error.value


def held(door: Door) -> list[dict[str, Any]]:
    from firedoor.store import StoreReader

    return StoreReader(door._store).quarantine(state="held")


def release(door: Door, item: str) -> Any:
    """A person's command, from a process of its own."""
    result = CliRunner().invoke(
        app,
        [
            "quarantine",
            "release",
            item,
            "--reason",
            "read it",
            "--store",
            door._store.url,
            "--json",
        ],
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_what_an_instance_wrote_waits_for_a_person(
    door: Door, sdk: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    with door.instance("writer", compartment="press"):
        assert says(sdk) == SAID
    with door.instance("trainer", compartment="lab"):
        file = upload(sdk, lines(CLEAN, SAID, CLEAN + " Again.", SAID))
        told = door.explain(door.last.call)  # type: ignore[union-attr]
        (written,) = [w for w in told["files"][0]["written"] if w["use"] == "training"]
        assert (written["author"], written["author_compartment"], written["generation"]) == (
            "writer", "press", 1,
        )  # fmt: skip
        assert (written["lines"], written["exposures"]) == (2, ["press"])
        assert written["pointers"] == ["/file/1", "/file/3"]
        (item,) = held(door)
        assert (item["id"], item["channel"], item["author"], item["generation"]) == (
            written["quarantine"], "training", "writer", 1,
        )  # fmt: skip
        before = len(upstream.calls)
        error = refused(lambda: train(sdk, file))
        assert item["id"] in str(error)
        assert error.param == "/training_file"
        assert len(upstream.calls) == before
        release(door, item["id"])
        assert train(sdk, file).startswith("ftjob")
        # The same bytes under another id are the same file; other bytes are another.
        assert train(sdk, upload(sdk, lines(CLEAN, SAID, CLEAN + " Again.", SAID)))
        other = upload(sdk, lines(CLEAN, SAID, CLEAN + " Again.", SAID) + b"\n")
        refused(lambda: train(sdk, other))
        refused(lambda: train(sdk, file, validation_file=other))
    orders = [
        json.loads(e.bytes_)["body"]
        for e in _entries(door)
        if json.loads(e.bytes_)["kind"] == "order"
    ]
    assert [(o["order"], o["reason"]) for o in orders] == [("release", "read it")]
    assert orders[0]["actor"]


def _entries(door: Door) -> list[Any]:
    from firedoor.store import StoreReader

    return list(StoreReader(door._store).entries())


def test_a_file_that_no_instance_wrote_in_trains(door: Door, sdk: openai.OpenAI) -> None:
    with door.instance("writer", compartment="press"):
        says(sdk)
        assert train(sdk, upload(sdk, lines(CLEAN))).startswith("ftjob")
    assert held(door) == []


def test_ones_own_words_wait_too(door: Door, sdk: openai.OpenAI) -> None:
    with door.instance("writer", compartment="press"):
        says(sdk)
        refused(lambda: train(sdk, upload(sdk, lines(SAID))))
    assert [i["generation"] for i in held(door)] == [0]


def test_what_is_pinned_is_nobodys(door: Door, sdk: openai.OpenAI) -> None:
    with door.instance("writer", compartment="press"):
        says(sdk)
        sdk.chat.completions.create(
            model="m", messages=[{"role": "system", "content": door.template(SAID)}]
        )
        assert train(sdk, upload(sdk, lines(SAID)))


def test_each_author_is_released_by_itself(
    door: Door, sdk: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    first = upstream.script
    with door.instance("a", compartment="press"):
        says(sdk)
    other = "Another sentence which another instance wrote all by itself."
    upstream.script = lambda call: Reply(other)
    with door.instance("b", compartment="desk"):
        says(sdk)
    upstream.script = first
    with door.instance("trainer", compartment="lab"):
        file = upload(sdk, lines(SAID, other))
        items = held(door)
        assert {i["author"] for i in items} == {"a", "b"}
        release(door, items[0]["id"])
        assert items[1]["id"] in str(refused(lambda: train(sdk, file)))
        release(door, items[1]["id"])
        assert train(sdk, file)


def test_the_purpose_may_stand_behind_the_file(door: Door, sdk: openai.OpenAI) -> None:
    with door.instance("writer", compartment="press"):
        says(sdk)
        head = b'--f\r\nContent-Disposition: form-data; name="'
        body = (
            head + b'file"; filename="a.jsonl"\r\n\r\n' + lines(SAID) + b"\r\n"
            + head + b'purpose"\r\n\r\nfine-tune\r\n--f--\r\n'
        )  # fmt: skip
        kind = "multipart/form-data; boundary=f"
        made = sdk._client.post("/files", content=body, headers={"content-type": kind}).json()
        error = refused(lambda: train(sdk, made["id"]))
        (item,) = held(door)
        assert item["id"] in str(error)
        assert item["author"] == "writer"


def test_a_file_that_was_not_read_waits_too(door: Door, sdk: openai.OpenAI) -> None:
    """Of another purpose, of no text, or longer than is read."""
    with door.instance("trainer", compartment="lab"):
        refused(lambda: train(sdk, upload(sdk, lines(CLEAN), purpose="user_data")))
        made = sdk.files.create(file=("train.parquet", b"PAR1"), purpose="fine-tune")
        error = refused(lambda: train(sdk, made.id))
        assert error.param == "/training_file"
        item = next(i for i in held(door) if i["id"] in str(error))
        assert (item["author"], item["generation"]) == (None, None)
        release(door, item["id"])
        assert train(sdk, made.id)


@pytest.mark.firedoor_mode("observe")
def test_in_observe_it_is_written_down_and_nothing_waits(door: Door, sdk: openai.OpenAI) -> None:
    with door.instance("writer", compartment="press"):
        says(sdk)
        file = upload(sdk, lines(SAID))
        told = door.explain(door.last.call)  # type: ignore[union-attr]
        assert told["files"][0]["written"][0]["lines"] == 1
        assert train(sdk, file)
    assert held(door) == []


# -- evals and batches -----------------------------------------------------------------------------


def run(sdk: openai.OpenAI, source: dict[str, Any]) -> Any:
    made: Any = sdk.post(
        "/evals", cast_to=object,
        body={"data_source_config": {"type": "custom", "item_schema": {}}, "testing_criteria": []},
    )  # fmt: skip
    return sdk.post(
        f"/evals/{made['id']}/runs", cast_to=object,
        body={"data_source": {"type": "jsonl", "source": source}},
    )  # fmt: skip


def test_evals_take_what_was_released(door: Door, sdk: openai.OpenAI) -> None:
    with door.instance("writer", compartment="press"):
        says(sdk)
        clean = upload(sdk, lines(CLEAN), "evals")
        file = upload(sdk, lines(SAID), "evals")
        run(sdk, {"type": "file_id", "id": clean})
        assert refused(lambda: run(sdk, {"type": "file_id", "id": file})).param == (
            "/data_source/source/id"
        )
        run(sdk, {"type": "file_content", "content": [{"item": {"text": CLEAN}}]})
        refused(lambda: run(sdk, {"type": "file_content", "content": [{"item": {"t": SAID}}]}))


def test_calls_that_a_provider_kept_wait(door: Door, sdk: openai.OpenAI) -> None:
    """Stored completions are chosen by the provider: nobody here can tell whose they are."""
    source = {"type": "stored_completions", "metadata": {"use": "distil"}}
    with door.instance("writer", compartment="press"):
        error = refused(lambda: run(sdk, source))
        (item,) = held(door)
        assert item["id"] in str(error)
        release(door, item["id"])
        run(sdk, source)
        refused(lambda: run(sdk, source | {"model": "another"}))


@pytest.mark.parametrize(
    "source",
    [
        {"type": "stored_completions"},
        {"type": "responses", "instructions_search": "any"},
        {"type": "file_content", "content": [{"item": {"t": SAID}}]},
        None,
    ],
)
def test_a_clean_file_named_beside_it_releases_no_other_source(
    door: Door, sdk: openai.OpenAI, source: dict[str, Any] | None
) -> None:
    """The type of a source says what it is; an id that the type has no use for says nothing."""
    with door.instance("writer", compartment="press"):
        says(sdk)
        clean = upload(sdk, lines(CLEAN), "evals")
        run(sdk, {"type": "file_id", "id": clean})
        if source is not None:
            refused(lambda: run(sdk, source | {"id": clean}))
            return
        with pytest.raises(openai.PermissionDeniedError):
            sdk.post("/evals/eval_0001/runs", cast_to=object,
                     body={"data_source": {"type": "responses", "model": "m"}})  # fmt: skip


def batch_line(text: str, **more: Any) -> bytes:
    body = {"model": "m", "messages": [{"role": "user", "content": text}], **more}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(line).encode() + b"\n"


def test_a_batch_runs_what_its_sender_might_read(
    door: Door, sdk: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    def start(file: str) -> Any:
        return sdk.batches.create(
            input_file_id=file, endpoint="/v1/chat/completions", completion_window="24h"
        )

    with door.instance("a", compartment="press"):
        says(sdk)
        start(upload(sdk, batch_line(SAID), "batch"))
    with door.instance("b", compartment="desk"):
        # Shown to b at depth 1, said again by b: at c it is at depth 2.
        sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": SAID}])
        start(upload(sdk, batch_line(SAID), "batch"))
    with door.instance("c", compartment="lab"):
        file = upload(sdk, batch_line(CLEAN) + batch_line(SAID), "batch")
        before = len(upstream.calls)
        error = refused(lambda: start(file))
        assert error.param == "/input_file_id"
        assert len(upstream.calls) == before
        (item,) = [i for i in held(door) if i["id"] in str(error)]
        assert (item["author"], item["generation"]) == ("a", 2)
        release(door, item["id"])
        start(file)


def test_a_batch_may_name_only_its_senders_state(door: Door, sdk: openai.OpenAI) -> None:
    line = {"custom_id": "1", "method": "POST", "url": "/v1/responses",
            "body": {"model": "m", "input": "x", "previous_response_id": "resp_guess"}}  # fmt: skip
    with (
        door.instance("a", compartment="press"),
        pytest.raises(openai.PermissionDeniedError) as no,
    ):
        upload(sdk, json.dumps(line).encode(), "batch")
    assert no.value.code == "firedoor_foreign_state"
    with door.instance("a", compartment="press"), pytest.raises(openai.APIStatusError) as unknown:
        upload(sdk, batch_line("x", brand_new=1), "batch")
    assert unknown.value.body["param"] == "/file/0/body/brand_new"  # type: ignore[index]


def test_a_rule_switches_the_gate_off_and_isolate_refuses_it_all(serve: Serve) -> None:
    rule = "rules:\n  - {id: trust, match: {endpoint: 'openai:fine_tuning.*'}, action: allow}\n"
    for mode, policy, passes in (
        ("contain", rule, True),
        ("contain", "", False),
        ("isolate", "", False),
    ):
        running = serve(mode, policy=policy)
        sdk = openai.OpenAI(
            base_url=running.url + "/v1", api_key="k-1", max_retries=0,
            default_headers={"x-firedoor-instance": "a"},
        )  # fmt: skip
        says(sdk)
        if mode == "isolate":
            refused(lambda sdk=sdk: train(sdk, "file_0001"))  # type: ignore[misc]
            continue
        file = upload(sdk, lines(SAID))
        if passes:
            assert train(sdk, file)
        else:
            refused(lambda sdk=sdk, file=file: train(sdk, file))  # type: ignore[misc]


# -- the command -----------------------------------------------------------------------------------


def test_release_says_what_is_wrong(door: Door, sdk: openai.OpenAI) -> None:
    runner = CliRunner()
    store = ["--store", door._store.url]
    with door.instance("writer", compartment="press"):
        says(sdk)
        upload(sdk, lines(SAID))
    (item,) = held(door)
    command = ["quarantine", "release", item["id"]]
    assert runner.invoke(app, [*command, *store]).exit_code == 2
    dry = runner.invoke(app, [*command, "--reason", "r", "--dry-run", *store])
    assert (dry.exit_code, "would be released" in dry.output) == (0, True)
    assert len(held(door)) == 1
    nobody = runner.invoke(app, ["quarantine", "release", "q_none", "--reason", "r", *store])
    assert "no quarantine item" in str(nobody.exception)
    release(door, item["id"])
    again = runner.invoke(app, [*command, "--reason", "r", *store])
    assert "not held" in str(again.exception)


def test_a_release_ends(door: Door, sdk: openai.OpenAI) -> None:
    with door.instance("writer", compartment="press"):
        says(sdk)
        file = upload(sdk, lines(SAID))
        (item,) = held(door)
        door._store.release(item["id"], actor="p", reason="r", at=0, days=1)
        refused(lambda: train(sdk, file))
        release(door, item["id"])
        assert train(sdk, file)


def test_the_sidecar_holds_the_same(serve: Serve) -> None:
    running: Running = serve()
    sdk = openai.OpenAI(
        base_url=running.url + "/v1", api_key="k-1", max_retries=0,
        default_headers={"x-firedoor-instance": "a"},
    )  # fmt: skip
    says(sdk)
    file = upload(sdk, lines(SAID, *(f"{CLEAN} {i}" for i in range(20_000))))
    refused(lambda: train(sdk, file))
    (item,) = running.reader.quarantine(state="held")
    running.store.release(item["id"], actor="p", reason="r", at=2e9)
    assert train(sdk, file)
