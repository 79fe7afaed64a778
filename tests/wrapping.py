"""Ways to write a text so that it is the same to a reader and other bytes: for tests and benchmarks."""

import base64
import codecs
import gzip
import json
import random
import urllib.parse
import zlib
from collections.abc import Callable, Mapping

from firedoor.lineage.ciphers import _BRAILLE, _MORSE, _SPELLED
from firedoor.lineage.lookalikes import LOOKALIKES

Write = Callable[[str], str]

_MORSE_OF = {letter: sign for sign, letter in _MORSE.items()}
_CELL_OF = {letter: cell for cell, letter in _BRAILLE.items()}
_WORD_OF = {letter: word for word, letter in reversed(_SPELLED.items())}


def _lines(text: str, width: int = 60) -> list[str]:
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + len(word) > width:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return [*lines, line]


def _each_line(write: Callable[[int, str], str]) -> Write:
    return lambda text: "\n".join(write(n, line) for n, line in enumerate(_lines(text), 7))


def _homoglyphs(text: str) -> str:
    chance = random.Random(len(text))
    usual = {"a": "а", "c": "с", "e": "е", "o": "о", "p": "р", "x": "х", "y": "у", "i": "і", "s": "ѕ",
             "A": "А", "B": "В", "E": "Е", "H": "Н", "K": "К", "M": "М", "O": "О", "T": "Т"}  # fmt: skip
    return "".join(usual[c] if c in usual and chance.random() < 0.6 else c for c in text)


WRAPPERS: Mapping[str, Write] = {
    "verbatim": lambda text: text,
    "upper case": str.upper,
    "white space": lambda text: "\n \t".join(text.split(" ")),
    "markdown": lambda text: "## **" + "** _".join(text.split(" ")) + "_",
    "quote": _each_line(lambda n, line: "> > " + line),
    "diff": _each_line(lambda n, line: "+-"[n % 2] + line),
    "comment": _each_line(lambda n, line: "  // # " + line),
    "block comment": _each_line(lambda n, line: "     * " + line),
    "line numbers": _each_line(lambda n, line: f"{n:>6}\t{line}"),
    "numbered listing": _each_line(lambda n, line: f"{n} | {line}"),
    "list": _each_line(lambda n, line: f"{n}. {line}"),
    "zero-width": lambda text: "\u200b".join(text),
    "accents": lambda text: "".join(c + "\u0336\u0323" if c.isalpha() else c for c in text),
    "homoglyphs": _homoglyphs,
    "fullwidth": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "mathematical": lambda text: "".join(
        chr((0x1D5D4 if c.isupper() else 0x1D5EE) + ord(c.lower()) - 97)
        if c.isascii() and c.isalpha() else c for c in text),
}  # fmt: skip


def _bytes(prefix: str, digits: str = "02X") -> Write:
    return lambda text: "".join(f"{prefix}{byte:{digits}}" for byte in text.encode())


def _units(text: str) -> str:
    data = text.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{data[n] << 8 | data[n + 1]:04x}" for n in range(0, len(data), 2))


def _morse(text: str) -> str:
    words = ((_MORSE_OF[c] for c in word if c in _MORSE_OF) for word in text.lower().split())
    return " / ".join(filter(None, (" ".join(word) for word in words)))


def _cell(char: str) -> str:
    if char.isascii() and char.isdigit():
        return "⠼" + _CELL_OF["jabcdefghi"[int(char)]] + "⠰"
    return _CELL_OF.get(char, "⠀")


def _selectors(text: str) -> str:
    codes = (0xFE00 + b if b < 16 else 0xE0100 + b - 16 for b in text.encode())
    return "ok" + "".join(map(chr, codes))


def _bits(text: str) -> str:
    bits = "".join(f"{byte:08b}" for byte in text.encode())
    return "Fine" + bits.replace("0", "\u200b").replace("1", "\u200c") + "."


ENCODERS: Mapping[str, Write] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64, wrapped": lambda text: base64.encodebytes(text.encode()).decode(),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "base16": lambda text: text.encode().hex(),
    "percent, all": _bytes("%"),
    "percent": urllib.parse.quote,
    "html": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "quoted-printable": _bytes("="),
    "json in json": lambda text: json.dumps({"note": "\n" + "\n".join(_lines(text, 40))}),
    "\\u": _units,
    "gzip in base64": lambda text: base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode(),
    "zlib in base64": lambda text: base64.b64encode(zlib.compress(text.encode())).decode(),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "reversed": lambda text: text[::-1],
    "leet": lambda text: text.translate(str.maketrans("aeiostAEIOST", "431057431057")),
    "morse": _morse,
    "nato": lambda text: " ".join(_WORD_OF[c] for c in text.lower() if c in _WORD_OF),
    "braille": lambda text: "".join(map(_cell, text.lower())),
    "tags": lambda text: "ok" + "".join(chr(0xE0000 + ord(c)) for c in text),
    "variation selectors": _selectors,
    "zero-width bits": _bits,
}

# What an encoder keeps of its input decides what it can be wrapped around.
_LETTERS_ONLY = frozenset({"morse", "nato", "braille"})
_NEEDS_CASE = frozenset(
    {"base64", "base64url", "base64, wrapped", "gzip in base64", "zlib in base64"}
)
_NEEDS_SIGNS = frozenset(
    {"percent, all", "percent", "html", "quoted-printable", "\\u", "json in json", "morse"}
)
_NEEDS_ALL = frozenset({"tags", "variation selectors", "zero-width bits", "braille"})


def can_nest(outer: str, inner: str) -> bool:
    """Whether ``outer`` of ``inner`` can be undone by anybody: Morse has no capitals, leet no digits."""
    if outer in _LETTERS_ONLY:
        lost = _NEEDS_CASE | _NEEDS_SIGNS | _NEEDS_ALL
        return (
            inner not in lost
            and not (inner in _LETTERS_ONLY or inner == "leet")
            and not (outer == "braille" and inner == "base32")
        )
    if outer == "leet":  # its digits cannot be told from those that were there
        digits = _NEEDS_CASE | {"base32", "base16", *(_NEEDS_SIGNS - {"morse", "json in json"})}
        return inner not in digits
    if outer == "tags":
        return inner not in _NEEDS_ALL
    return True


THIRTY_SCRIPTS = {
    "Latin": "Jede Brücke hält, naïve façade", "Greek": "Η γέφυρα αντέχει ακόμη",
    "Cyrillic": "Мост ещё держится", "Armenian": "Կամուրջը դեռ կանգնած է",
    "Hebrew": "הַגֶּשֶׁר עוֹד עוֹמֵד", "Arabic": "الجِسْرُ ما زال قائمًا", "Persian": "نمی‌خواهم بروم",
    "Syriac": "ܓܫܪܐ ܩܐܡ", "Thaana": "ފާލަން އަދިވެސް", "Devanagari": "सेतु अभी भी खड़ा है क्‍ष",
    "Bengali": "সেতুটি এখনও দাঁড়িয়ে", "Gurmukhi": "ਪੁਲ ਅਜੇ ਵੀ ਖੜ੍ਹਾ ਹੈ", "Gujarati": "પુલ હજુ ઊભો છે",
    "Oriya": "ସେତୁ ଏବେ ମଧ୍ୟ ଠିଆ", "Tamil": "பாலம் இன்னும் நிற்கிறது", "Telugu": "వంతెన ఇంకా నిలబడి ఉంది",
    "Kannada": "ಸೇತುವೆ ಇನ್ನೂ ನಿಂತಿದೆ", "Malayalam": "പാലം ഇപ്പോഴും നിൽക്കുന്നു", "Sinhala": "පාලම තවම ඇත",
    "Thai": "สะพานยังคงอยู่ที่นี่", "Lao": "ຂົວຍັງຢູ່", "Tibetan": "ཟམ་པ་ད་དུང་", "Myanmar": "တံတားရှိသေးသည်",
    "Georgian": "ხიდი ჯერ კიდევ დგას", "Hangul": "다리는 아직 서 있다", "Ethiopic": "ድልድዩ አሁንም ቆሟል",
    "Cherokee": "ᎠᏍᏜ ᏙᎦ", "Khmer": "ស្ពាននៅតែឈរ", "Mongolian": "ᠭᠦᠦᠷ ᠵᠣᠭᠰᠣᠵᠤ", "Hiragana": "はしはまだたっている",
    "Katakana": "ハシハマダタッテイル", "Han": "桥还在那里", "Emoji": "family 👨‍👩‍👧‍👦 and flag 🏴󠁧󠁢󠁷󠁬󠁳󠁿 stay",
}  # fmt: skip


def edited(text: str, share: float, chance: random.Random) -> str:
    """The text with this share of its words replaced."""
    words = text.split(" ")
    for n in chance.sample(range(len(words)), round(share * len(words))):
        words[n] = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=max(3, len(words[n]))))
    return " ".join(words)


__all__ = ["ENCODERS", "LOOKALIKES", "THIRTY_SCRIPTS", "WRAPPERS", "can_nest", "edited"]
