"""A transcription or a translation, whole: a model's words, in whatever form they were asked for."""

from typing import Any

from firedoor.types.part import Answer, OutputKind, OutputPart
from firedoor.wire.answers import UNREADABLE, error_of, loads, placed, word
from firedoor.wire.counts import usage_of
from firedoor.wire.state.answer import read_answer


def spoken_in(value: dict[str, Any]) -> list[OutputPart]:
    """The texts of a transcription: all of it, and piece by piece where it stands so too."""
    said = [("/text", word(value.get("text")))]
    said += [(f"/segments/{i}/text", word(s.get("text"))) for i, s in placed(value.get("segments"))]
    return [OutputPart(at, text, OutputKind.TEXT) for at, text in said if text]


def read_spoken(body: bytes) -> Answer:
    """See `SurfaceWire.read_answer`. What is no JSON object is the text itself."""
    value = loads(body)
    if value is not None:
        return Answer(
            output=tuple(spoken_in(value)),
            usage=usage_of(value.get("usage")),
            model=word(value.get("model")),
            error=error_of(value),
        )
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return Answer(output=(OutputPart("", "", OutputKind.OPAQUE),))
    return Answer(output=(OutputPart("", text, OutputKind.TEXT),) if text.strip() else ())


def pictures_in(value: dict[str, Any], at: str = "") -> list[OutputPart]:
    """The pictures that stand in a value."""
    held = word(value.get("b64_json"))
    return [OutputPart(f"{at}/b64_json", "", OutputKind.OPAQUE, held)] if held else []


def read_pictures(body: bytes) -> Answer:
    """See `SurfaceWire.read_answer`. Pictures in place, or by an address that nothing is known of."""
    value = loads(body)
    if value is None:
        return UNREADABLE
    found = [p for i, each in placed(value.get("data")) for p in pictures_in(each, f"/data/{i}")]
    answer = read_answer(body)
    return answer._replace(output=(*answer.output, *found))


def read_uploaded(body: bytes) -> Answer:
    """The answer to a part of an upload: nothing, or the file that came of it."""
    value = loads(body)
    if value is None:
        return Answer() if not body.strip() else UNREADABLE
    file = value.get("file")
    named = file if isinstance(file, dict) else value
    return read_answer(body)._replace(id=word(named.get("name")))
