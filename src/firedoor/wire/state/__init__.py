"""Operations on what a provider keeps: a request's fields by their inventory, an answer's new ids."""

from functools import lru_cache, partial

from firedoor.types.exchange import Surface
from firedoor.wire.inventory.bodies import BODIES
from firedoor.wire.plain import PassingStream, edit_answer
from firedoor.wire.state import hosted
from firedoor.wire.state.answer import read_answer
from firedoor.wire.state.lines import CONTENTS, RESULTS, LinesStream
from firedoor.wire.state.parts import params, reader_of, sections_of
from firedoor.wire.state.told import TELLS, edit_told, read_told
from firedoor.wire.surface import SurfaceWire


@lru_cache(maxsize=512)
def state_wire(surface: Surface, provider: str, operation: str) -> SurfaceWire:
    """How the bodies of one operation are read."""
    name = f"{provider}:{operation}"
    body = BODIES.get(name)
    read_turn, read_field = reader_of(body)
    if surface.endswith(".hosted"):
        return SurfaceWire(
            surface, sections_of(body), read_turn, read_field, params, hosted.read_answer,
            edit_answer, hosted.HostedStream,
        )  # fmt: skip
    made = partial(LinesStream, makers=True) if name in CONTENTS else None
    lines = made if name in RESULTS or made is None else LinesStream
    read, change = (read_told, edit_told) if name in TELLS else (read_answer, edit_answer)
    return SurfaceWire(
        surface, sections_of(body), read_turn, read_field, params, read, change,
        PassingStream, lines=lines, made_lines=made,
    )  # fmt: skip
