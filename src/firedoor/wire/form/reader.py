"""A form as a whole: its fields as one document, its files read as they flow.

Names are paths, as SDKs write them: ``expires_after[anchor]`` is a member, ``image[]`` an item of a
list. What may stand there, the inventory says: a field that is no list stands once.
"""

import re
from typing import Any, Final, NamedTuple

from firedoor.wire.document import Limits, Malformed
from firedoor.wire.form.files import FileReader, FormFile, Sink
from firedoor.wire.form.grammar import Event, FormParser, PartEnd, PartHead
from firedoor.wire.shape import Shape, escape

_FIELD_BYTES_MAX: Final = 1 << 20
_LEVELS_MAX: Final = 4
_NAME: Final = re.compile(r"([A-Za-z0-9_]{1,64})((?:\[[A-Za-z0-9_]{0,64}\])*)")
_STEP: Final = re.compile(r"\[([A-Za-z0-9_]*)\]")

_Path = tuple[str | int, ...]
"""Where a field belongs: names of members, and places in lists."""


class Form(NamedTuple):
    """A form that was read to its end."""

    fields: dict[str, Any]
    """What is no file, as one document; values are strings."""
    files: tuple[FormFile, ...]
    unknown: tuple[str, ...]
    """Pointers of files where the inventory knows none."""


class FormReader:
    """Takes a form's bytes as they come. What is wrong with it is said at the end, once."""

    def __init__(
        self, boundary: bytes, shape: Shape, sink: Sink, limits: Limits | None = None
    ) -> None:
        self._parser = FormParser(boundary)
        self._shape = shape
        self._sink = sink
        self._limits = limits or Limits()
        self._problem: Malformed | None = None
        self._fields: dict[str, Any] = {}
        self._files: list[FormFile] = []
        self._unknown: list[str] = []
        self._once: set[_Path] = set()
        self._counts: dict[_Path, int] = {}
        self._file: FileReader | None = None
        self._path: _Path = ()
        self._value: list[bytes] = []
        self._value_bytes = 0

    def feed(self, chunk: bytes) -> None:
        """Take some bytes of the body. Never raises."""
        if self._problem is not None:
            return
        try:
            for event in self._parser.feed(chunk):
                self._take(event)
        except Malformed as problem:
            self._problem = problem

    def field(self, name: str) -> str | None:
        """A field that came already, as text; None for one that is not there, or not yet."""
        value = self._fields.get(name)
        return value if isinstance(value, str) else None

    def end(self) -> Form:
        """The body is over.

        Raises:
            Malformed: It was no form, or one that can be read in two ways.
        """
        if self._problem is None:
            try:
                self._parser.end()
            except Malformed as problem:
                self._problem = problem
        if self._problem is not None:
            raise self._problem
        return Form(self._fields, tuple(self._files), tuple(self._unknown))

    def _take(self, event: Event) -> None:
        if isinstance(event, bytes):
            if self._file is not None:
                self._file.feed(event)
                return
            self._value_bytes += len(event)
            if self._value_bytes > _FIELD_BYTES_MAX:
                raise Malformed(
                    f"A field of the form is longer than {_FIELD_BYTES_MAX} bytes.",
                    code="firedoor_too_large",
                    pointer=self._pointer(),
                )
            self._value.append(event)
        elif isinstance(event, PartHead):
            self._begin(event)
        elif isinstance(event, PartEnd):
            self._finish()

    # -- parts ---------------------------------------------------------------------------------

    def _begin(self, head: PartHead) -> None:
        match = _NAME.fullmatch(head.name)
        steps = tuple(_STEP.findall(match[2])) if match is not None else ()
        if match is None or len(steps) > _LEVELS_MAX or "" in steps[:-1]:
            raise Malformed("A field of the form has a name that is no path.")
        path = (match[1], *steps)
        shape = self._shape_at(path)
        listed = path[-1] == "" or isinstance(shape, list)
        # `files` and `files[]` are the same list; anything else stands once.
        base = path[:-1] if path[-1] == "" else path
        if base in self._once or (not listed and base in self._counts):
            raise Malformed("A field of the form stands twice.", pointer=_pointer(base))
        if listed:
            at = self._counts.get(base, 0)
            self._counts[base] = at + 1
            self._path = (*base, at)
        else:
            self._once.add(base)
            self._path = base
        self._value, self._value_bytes = [], 0
        pointer = self._pointer()
        if head.filename is None and not _is_file(shape):
            self._file = None
            return
        if not _is_file(shape):
            self._unknown.append(pointer)
        self._file = FileReader(pointer, head.filename, head.media_type, self._sink, self._limits)

    def _finish(self) -> None:
        if self._file is not None:
            self._files.append(self._file.end())
            self._file = None
            return
        try:
            value = b"".join(self._value).decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("A field of the form is not UTF-8.", pointer=self._pointer()) from None
        self._place(value)

    def _place(self, value: str) -> None:
        holder: Any = self._fields
        *steps, last = self._path
        for step, following in zip(steps, self._path[1:], strict=True):
            fresh: Any = [] if isinstance(following, int) else {}
            holder = holder.setdefault(step, fresh)
            if type(holder) is not type(fresh):
                # `a` and `a[b]`: which of the two is meant, nobody can say.
                raise Malformed("A field of the form stands twice.", pointer=self._pointer())
        if isinstance(holder, list):
            holder.append(value)
        elif last in holder:
            raise Malformed("A field of the form stands twice.", pointer=self._pointer())
        else:
            holder[last] = value

    def _pointer(self) -> str:
        return _pointer(self._path)

    def _shape_at(self, path: tuple[str, ...]) -> Shape | None:
        """The shape that the inventory has at a path, if any."""
        shape: Shape = self._shape
        for step in path:
            if isinstance(shape, tuple):
                wanted = list if step == "" else dict
                shape = next((s for s in shape if isinstance(s, wanted)), None)
            if step == "":
                shape = shape[0] if isinstance(shape, list) else None
            else:
                shape = shape.get(step) if isinstance(shape, dict) else None
            if shape is None:
                return None
        return shape


def _is_file(shape: Shape) -> bool:
    if isinstance(shape, list | tuple):
        return any(_is_file(inner) for inner in shape)
    return bool(shape == "file")


def _pointer(path: _Path) -> str:
    return "".join("/" + escape(str(step)) for step in path)
