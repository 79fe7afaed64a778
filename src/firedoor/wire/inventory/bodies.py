"""The fields of requests about what a provider keeps, by ``provider:operation``.

Written in the shapes of ``wire/shape.py``. An operation without a row takes no fields: whatever
stands in its body is unknown.
"""

from collections.abc import Mapping
from typing import Final

from firedoor.wire.inventory import bodies_anthropic, bodies_gemini, bodies_openai
from firedoor.wire.inventory.body import Body

BODIES: Final[Mapping[str, Body]] = {
    **bodies_openai.BODIES,
    **bodies_anthropic.BODIES,
    **{name: Body(fields) for name, fields in bodies_gemini.FIELDS.items()},
}

__all__ = ["BODIES", "Body"]
