"""What an answer's tool calls touch and tell outside, for the commit that lets them go.

Bookkeeping beside the road: nothing here is asked by a verdict.
"""

from typing import TYPE_CHECKING, Any, Final

from firedoor.lineage import Touched
from firedoor.types.part import OutputKind, OutputPart, ToolCall
from firedoor.types.record import EgressRow, TouchRow

if TYPE_CHECKING:
    from firedoor.engine.exchange import Exchange

TOUCHES_MAX: Final = 512
"""Things kept of one answer, whatever the number of its calls."""
_HOSTED_INPUT: Final = "/input"
"""The end of the pointer to what a model asks a tool for that runs at its provider."""


class Roads:
    """The touches and the egress of one answer, handed out once."""

    def __init__(self, exchange: "Exchange") -> None:
        self._exchange = exchange
        self._outside = exchange.settings.outside
        self._touches: dict[TouchRow, None] = {}
        self._egress: dict[str, EgressRow] = {}
        self._taken = 0

    def take(self, call: ToolCall, affordances: tuple[str, ...]) -> dict[str, Any]:
        """Take note of a call that goes on; gives what ``explain`` says of it besides."""
        return self._take(self._outside.touched(call.name, call.arguments, affordances))

    def take_hosted(self, part: OutputPart) -> None:
        """The same of a tool that runs at the provider, where the part is what it is asked."""
        if part.kind is OutputKind.TEXT and part.pointer.endswith(_HOSTED_INPUT):
            self._take(self._outside.asked(part.text))

    def _take(self, touched: Touched) -> dict[str, Any]:
        digester = self._exchange.settings.digester
        if touched.touches:
            room = self._exchange.known_instance().room
            for touch in touched.touches[: TOUCHES_MAX - self._taken]:
                self._taken += 1
                self._touches[TouchRow(digester(touch.name), touch.kind.value, room)] = None
        if not touched.egress:
            return {}
        for told in touched.egress:
            known = self._egress.get(told.host)
            if known is None:
                host = digester(f"host\x1f{told.host}")
                self._egress[told.host] = EgressRow(host, told.host, told.bytes, told.bits)
            else:
                self._egress[told.host] = known._replace(
                    bytes=known.bytes + told.bytes, bits=known.bits + told.bits
                )
        return {"egress": touched.shown()}

    def drain(self) -> dict[str, Any]:
        """The fields of a commit that hold what came since the last one; none where nothing did."""
        fields: dict[str, Any] = {}
        if self._touches:
            fields["touches"], self._touches = tuple(self._touches), {}
        if self._egress:
            fields["egress"], self._egress = tuple(self._egress.values()), {}
        return fields
