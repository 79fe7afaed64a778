"""Letters that look alike, as one letter: a table, after Unicode's UTS 39, for lower case.

Compatibility decomposition already takes fullwidth, mathematical, circled and superscript letters to
plain ones. What is left are the scripts that share shapes with Latin, small capitals and turned
letters. A letter here may be an honest letter of its own script: Russian text folds the same way on
both sides of a comparison, so nothing is lost by it.
"""

from typing import Final

_ROWS: Final = (
    # 1, l, i and capital I are one stroke; 0 and o one ring. Leet's other digits are a decoder's.
    ("l", "i1ıιіӏɩון۱١ⅼ׀ǀӀ"),
    ("o", "0оοօσ٥๐໐ဝ०০੦௦૦"),
    ("a", "аαɑᴀɐ"),
    ("b", "вβьʙƅ"),
    ("c", "сϲςᴄɔⅽ"),
    ("d", "ԁɗᴅɖ"),
    ("e", "еεєҽɛᴇǝəә"),
    ("f", "ғꜰɟƒ"),
    ("g", "ɡɢցƃ"),
    ("h", "һнհʜɥђ"),
    ("j", "јϳᴊɾ"),
    ("k", "кκᴋʞқ"),
    ("m", "мᴍɯ"),
    ("n", "пηոɴռ"),
    ("p", "рρᴘ"),
    ("q", "ԛզϙ"),
    ("r", "гʀɹᴦ"),
    ("s", "ѕꜱʂ"),
    ("t", "тτᴛʇ"),
    ("u", "υսᴜʋ"),
    ("v", "νѵᴠʌ"),
    ("w", "ԝωᴡʍшա"),
    ("x", "хχ"),
    ("y", "уγʏүʎყ"),
    ("z", "ᴢʐ"),
)

LOOKALIKES: Final[dict[str, str]] = {
    char: letter for letter, chars in _ROWS for char in chars if char != letter
}

IGNORED: Final = frozenset(
    chr(code)
    for low, high in (
        # Default-ignorable letters and marks; the formats among them are no letters anyway.
        (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x3164, 0x3164),
        (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF),
    )
    for code in range(low, high + 1)
)  # fmt: skip
