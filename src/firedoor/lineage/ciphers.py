"""Codings that people use: leet, Morse, the spelling alphabet, Braille."""

import re
from collections.abc import Iterator
from string import ascii_letters, digits
from typing import Final

from firedoor.lineage.decoded import (
    Bounds,
    Decoded,
    Letters,
    Piece,
    Script,
    one_to_one,
    substituted,
)
from firedoor.lineage.turned import rot13

_LEET_AROUND: Final = 64
_LEET_WORD_WORK: Final = 45
_LEET_LETTERS: Final = (ascii_letters + digits + "@$!+|(").encode()
_LEET_SIGNS: Final = b"013457@$!+|"

_LEET: Final = str.maketrans("0134578@$!+|9€(", "oieastbasitlgec")
_LEET_INSIDE: Final = re.compile(r"[A-Za-z][013457@$!+|]{1,3}[A-Za-z]")
_LEET_WORD: Final = re.compile(r"[A-Za-z0-9@$!+|€(]+")
_LEET_WORD_CHARS_MAX: Final = 24
_LEET_SHARE_MIN: Final = 24
"""One leet place in this many characters makes a text leet."""


def leet_stretches(script: Script, bounds: Bounds) -> Iterator[Decoded]:
    """Digits and signs for letters."""
    text = script.text
    signs = len(text) - len(script.raw.translate(None, _LEET_SIGNS))
    if signs * _LEET_SHARE_MIN < len(text) or not bounds.spend(len(text)):
        return
    inside = _LEET_INSIDE.findall(text)
    if len(inside) < 3 or len(inside) * _LEET_SHARE_MIN * 4 < len(text):
        return
    first = _LEET_INSIDE.search(text)
    start = max(0, first.start() - _LEET_AROUND) if first is not None else 0
    between = len(script.raw.translate(None, _LEET_LETTERS))  # words cost, and not long ones
    end = start + bounds.affords(len(text) - start, 1 + _LEET_WORD_WORK * between // len(text))
    said = text[start:end]
    yield one_to_one("leet", start, end, _LEET_WORD.sub(_unleeted, said))
    # Rotated leet has too few letters in a row to show which way round it reads.
    yield one_to_one("rot13+leet", start, end, _LEET_WORD.sub(_unleeted, rot13(said)))


def _unleeted(match: re.Match[str]) -> str:
    word = match[0]
    if len(word) > _LEET_WORD_CHARS_MAX or (word.isdigit() and len(word) > 2):
        return word  # a number, or a solid code
    return word.translate(_LEET)


_MORSE: Final = dict(
    zip(
        [
            ".-",
            "-...",
            "-.-.",
            "-..",
            ".",
            "..-.",
            "--.",
            "....",
            "..",
            ".---",
            "-.-",
            ".-..",
            "--",
            "-.",
            "---",
            ".--.",
            "--.-",
            ".-.",
            "...",
            "-",
            "..-",
            "...-",
            ".--",
            "-..-",
            "-.--",
            "--..",
            "-----",
            ".----",
            "..---",
            "...--",
            "....-",
            ".....",
            "-....",
            "--...",
            "---..",
            "----.",
        ],
        "abcdefghijklmnopqrstuvwxyz0123456789",
        strict=True,
    )
)
_MORSE_RUN: Final = re.compile(
    r"(?<![^\W_])(?:[.·•\-–—−_]{1,6}(?:\s*[/|]\s*|\s+)){12,}[.·•\-–—−_]{0,6}"
)
_MORSE_LETTERS: Final = Letters(".·-_? \t\r\n/|")
_MORSE_SIGNS: Final = str.maketrans("·•–—−_", "..----")
_SIGN: Final = re.compile(r"[.\-]+")
_MORSE_MARKS: Final = (b".", b"-", b"_", b"\xb7", b"?")
_MORSE_SIGNS_MIN: Final = 12
_MORSE_WORK: Final = 6


def morse_stretches(script: Script, bounds: Bounds) -> Iterator[Decoded]:
    """Dots and dashes, a space between letters, a stroke between words."""
    for start, end in _MORSE_LETTERS.runs(script.raw, 24):
        signs = sum(script.raw.count(sign, start, end) for sign in _MORSE_MARKS)
        if signs < _MORSE_SIGNS_MIN:
            continue  # an indented line
        end = start + bounds.affords(end - start, _MORSE_WORK)
        for match in _MORSE_RUN.finditer(script.text, start, end):
            said = match[0].rstrip().translate(_MORSE_SIGNS)
            # Backwards, every letter is still one, if another: so both ways are read.
            for codec, signs_of in (("morse", said), ("reversed+morse", said[::-1])):
                letters = [_MORSE.get(sign) for sign in _SIGN.findall(signs_of)]
                if letters.count(None) * 10 <= len(letters):
                    text_of = "".join(letter or "" for letter in letters)
                    yield Decoded(codec, match.start(), match.start() + len(said), text_of)


_SPELLED: Final = {
    **{
        word: word[0]
        for word in [
            "alpha",
            "alfa",
            "bravo",
            "charlie",
            "delta",
            "echo",
            "foxtrot",
            "golf",
            "hotel",
            "india",
            "juliet",
            "juliett",
            "kilo",
            "lima",
            "mike",
            "november",
            "oscar",
            "papa",
            "quebec",
            "romeo",
            "sierra",
            "tango",
            "uniform",
            "victor",
            "whiskey",
            "whisky",
            "xray",
            "x-ray",
            "yankee",
            "zulu",
        ]
    },
    **dict(
        zip(
            ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
            "0123456789",
            strict=True,
        )
    ),
    "niner": "9",
}
_SPELLED_WORD: Final = "(?:" + "|".join(sorted(_SPELLED, key=len, reverse=True)) + ")"
_SPELLED_RUN: Final = re.compile(
    rf"\b{_SPELLED_WORD}(?:[\s,./|;:()-]{{1,8}}(?:(?:space|stop)[\s,./|;:()-]{{1,8}})?"
    rf"{_SPELLED_WORD}\b){{11,}}",
    re.I,
)
_SPELLED_OFTEN: Final = ("echo", "tango", "alpha", "alfa", "oscar", "india", "november")
_SPELLED_WORK: Final = 5
_SPELLED_WORD_WORK: Final = 16
_TWO_SPELLED: Final = re.compile(rf"{_SPELLED_WORD}[\s,./|;:()-]{{1,8}}{_SPELLED_WORD}")
_ONE_SPELLED: Final = re.compile(_SPELLED_WORD, re.I)


def _spells(lower: str, bounds: Bounds) -> bool:
    """Whether a word that long spellings hardly do without stands before another of them."""
    for word in _SPELLED_OFTEN:
        at = lower.find(word)
        while at >= 0:
            if _TWO_SPELLED.match(lower, at):
                return True
            if not bounds.spend(_SPELLED_WORD_WORK):
                return False
            at = lower.find(word, at + 1)
    return False


def spelled_stretches(script: Script, bounds: Bounds) -> Iterator[Decoded]:
    """The spelling alphabet, a word a letter."""
    if not _spells(script.text.lower(), bounds):
        return
    end = bounds.affords(len(script.text), _SPELLED_WORK)
    for match in _SPELLED_RUN.finditer(script.text, 0, end):
        words = _ONE_SPELLED.findall(match[0])
        yield Decoded("spelled", *match.span(), "".join(_SPELLED[w.lower()] for w in words))


_BRAILLE: Final = {
    chr(0x2800 + sum(1 << (int(dot) - 1) for dot in dots)): letter
    for letter, dots in zip(
        "abcdefghijklmnopqrstuvwxyz",
        [
            "1",
            "12",
            "14",
            "145",
            "15",
            "124",
            "1245",
            "125",
            "24",
            "245",
            "13",
            "123",
            "134",
            "1345",
            "135",
            "1234",
            "12345",
            "1235",
            "234",
            "2345",
            "136",
            "1236",
            "2456",
            "1346",
            "13456",
            "1356",
        ],
        strict=True,
    )
}
_BRAILLE_RUN: Final = re.compile("[\u2800-\u28ff](?:[\u2800-\u28ff]|\\s(?=[\u2800-\u28ff])){11,}")
_LETTER_OF: Final = {cell: _BRAILLE.get(chr(cell), " ") for cell in range(0x2800, 0x2900)}
_BRAILLE_WORK: Final = 8
_NUMBER_SIGN, _LETTER_SIGN = "⠼", "⠰"


def braille_stretches(script: Script, bounds: Bounds) -> Iterator[Decoded]:
    """Uncontracted Braille; after the number sign the first ten letters are digits."""
    if script.ascii:
        return
    for match in _BRAILLE_RUN.finditer(script.text):
        start, end = match.span()
        end = start + bounds.affords(end - start, _BRAILLE_WORK)
        said = script.text[start:end]
        if _NUMBER_SIGN in said or _LETTER_SIGN in said:
            yield substituted("braille", script.text, start, end, _with_digits(said, start))
        else:
            yield one_to_one("braille", start, end, said.translate(_LETTER_OF))


def _with_digits(said: str, start: int) -> list[Piece]:
    pieces: list[Piece] = []
    number = False
    for at, cell in enumerate(said, start):
        letter = _BRAILLE.get(cell, " ")
        if cell in (_NUMBER_SIGN, _LETTER_SIGN):
            number, letter = cell == _NUMBER_SIGN, ""
        elif number and letter in "abcdefghij":
            letter = "1234567890"["abcdefghij".index(letter)]
        else:
            number = False
        pieces.append((at, at + 1, letter))
    return pieces
