"""What telemetry is told of a call once it has ended. Ids, counts and names; never content."""

from typing import TYPE_CHECKING, NamedTuple

from firedoor import identity
from firedoor.types.exchange import Surface
from firedoor.types.ids import CallId
from firedoor.types.part import Answer

if TYPE_CHECKING:
    from firedoor.engine.exchange import Exchange


class ExchangeSummary(NamedTuple):
    """What telemetry is told of a call. Ids, counts and names; never content."""

    call: CallId
    surface: Surface
    endpoint: str
    model: str | None
    stream: bool
    instance: str
    instance_id: str
    compartment: str
    run: str
    verdict: str
    code: str | None
    rules: tuple[str, ...]
    generation: int | None
    exposures: int
    policy: str
    mode: str
    status: int | None
    answer_id: str | None
    answer_model: str | None
    finish: tuple[str, ...]
    input_tokens: int | None
    output_tokens: int | None
    started_at: float
    ended_at: float
    quarantined: tuple[str, ...]
    warned: tuple[str, ...] = ()
    """Soft limits of budgets that the call passed: ``instance:planner-1 cost_usd``."""


def summarised(exchange: "Exchange", status: int | None, answer: Answer | None) -> ExchangeSummary:
    """The summary of an exchange that came to its end."""
    request, judged = exchange.request, exchange.judged
    row = exchange.known_instance()
    return ExchangeSummary(
        call=exchange.call_id,
        surface=exchange.endpoint.surface,
        endpoint=exchange.endpoint.name,
        model=request.params.model,
        stream=request.params.stream,
        instance=row.name,
        instance_id=row.id,
        compartment=row.compartment,
        run=identity.shown_run(row.run),
        verdict=exchange.verdict,
        code=exchange.code,
        rules=tuple(judged.rules),
        generation=judged.tally.shown.generation,
        exposures=len(judged.tally.exposures),
        policy=request.policy_digest,
        mode=exchange.mode,
        status=status,
        answer_id=answer.id if answer else None,
        answer_model=answer.model if answer else None,
        finish=answer.finish if answer else (),
        input_tokens=answer.usage.input_tokens if answer and answer.usage else None,
        output_tokens=answer.usage.output_tokens if answer and answer.usage else None,
        started_at=exchange.started_at,
        ended_at=exchange.at,
        quarantined=tuple(judged.quarantined),
        warned=tuple(exchange.budgeting.warned),
    )
