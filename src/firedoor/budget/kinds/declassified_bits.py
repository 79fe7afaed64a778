"""Bits that typed answers say without inheriting what their call was shown (MODEL line 26)."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken

KIND: Final = Kind(
    name="declassified_bits",
    unit="bits",
    taken=Taken.TYPED,
    says="Bits that typed answers say without inheriting what their call was shown.",
    example="declassified_bits: 500/day",
    surprise="Without this limit no answer is typed: there is no free way out of a label.",
)
