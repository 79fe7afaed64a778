"""Bodies that are forms: multipart/form-data, read as it flows.

Two kept libraries were read for this and not taken (2026-11-24). `python-multipart` 0.0.34 does not
check that a form ends (its ``finalize`` says so), skips what follows the last boundary and takes
padded boundaries; `multipart` 2.0.1 in strict mode refuses what follows the last boundary only when
it comes in a later chunk. What a provider's parser makes of such bodies is anybody's guess, and a
verdict must not depend on how bytes were cut, so the grammar here is small and takes nothing else.
"""

from firedoor.wire.form.content import ContentReader
from firedoor.wire.form.files import FormFile, Sink, StretchesFull, file_name
from firedoor.wire.form.grammar import boundary_of, is_multipart
from firedoor.wire.form.reader import Form, FormReader

__all__ = [
    "ContentReader",
    "Form",
    "FormFile",
    "FormReader",
    "Sink",
    "StretchesFull",
    "boundary_of",
    "file_name",
    "is_multipart",
]
