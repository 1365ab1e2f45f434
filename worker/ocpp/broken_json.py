"""JSON that firmware writes with its own hands, put right where its meaning is not in doubt.

Strings are set aside first, so that nothing in them is taken for structure.  What cannot be told
is left out or kept as text, never guessed: the half of a number at the end of a text that is cut
off is no number.  Every pattern takes time in proportion to the text.
"""

import math
import re

_STRING = re.compile(
    r'"[^"\\]*(?:\\(?:.|\Z)[^"\\]*)*(?:"|\Z)'
    r"|(?<!\w)'[^'\\]*(?:\\(?:.|\Z)[^'\\]*)*(?:'|\Z)",  # 2'100 begins no string
    re.DOTALL,
)
_WHOLE_STRING = re.compile(r"""(["'])[^\\]*(?:\\.[^\\]*)*\1""", re.DOTALL)
#: Stands for a quotation mark that the repair adds.
_MARK = "\x01"

#: name of the repair, what is looked for outside of strings, what it becomes
_REPAIRS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("leading_comma", re.compile(r"\A[\s,]*,\s*|(?<=[\[{])\s*,"), ""),
    ("missing_value", re.compile(r":\s*(?=[,}\]])"), ":null"),
    ("trailing_comma", re.compile(r",\s*(?=[,}\]])"), ""),
    ("bare_word", re.compile(r"([{,]\s*)([A-Za-z_]\w{0,63})(?=\s*:)"), rf"\1{_MARK}\2{_MARK}"),
    # In an object a number cannot follow a comma.
    (
        "decimal_comma",
        re.compile(r'(:\s*)([+-]?\d{1,20},\d{1,20})(?=\s*(?:,\s*"|\}))'),
        rf"\1{_MARK}\2{_MARK}",
    ),
    ("missing_comma", re.compile(r'(["}\]\w.])(\s*+)(?=["{\[])'), r"\1,\2"),
)

_STRAY = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufeff]+")
_BRACKET = re.compile(r"[\[\]{}]")
#: What is nested deeper is not read anyway.
_DEEPEST = 64
_CLOSING = {"[": "]", "{": "}"}
#: What a text that is cut off ends with: half a word, then a member without its value.
_HALF_WORD = re.compile(r'(?<![^\s"{}\[\],:])[^\s"{}\[\],:]++\Z')
_HALF_MEMBER = re.compile(r'(?:,|(?<=[\[{]))\s*+"?+\s*+:?+\s*+\Z')

_NUMBER = r"-?(?:0|[1-9]\d{0,199})(?:\.\d{1,99})?(?:[eE][+-]?\d{1,2})?"
#: A value without quotation marks that JSON does not have; a time holds colons.
_WORD = re.compile(
    rf"(?<=[:,\[\s])(?!(?:{_NUMBER}|true|false|null)(?=\s*[,}}\]]))"
    r'([^\s"{}\[\],:\x01]{1,99}(?::\d[^\s"{}\[\],:\x01]{0,20}){0,3})(?=\s*+[,}\]])'
)
_ANY_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_SAID = {"true": "true", "false": "false"} | dict.fromkeys(("none", "null", "nil"), "null")
#: How C and Java write what a dead meter gives.
_NO_NUMBER = re.compile(r"[+-]?(?:nan(?:\(\w*\))?|inf(?:inity)?)|undefined", re.IGNORECASE)

_ODD = re.compile(r"[\x00-\x1f\\]")
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
    r"|\\u[0-9a-fA-F]{4}|\\.|\\|[\x00-\x1f]",
    re.DOTALL,
)


def repaired(text: str) -> tuple[str, tuple[str, ...]]:
    """The text after all repairs, which may be JSON now, and their names."""
    used: dict[str, None] = {}
    strings = _STRING.findall(text)
    outside = '"'.join(_STRING.split(text))
    outside, found = _STRAY.subn("", outside)
    if found:
        used["stray_bytes"] = None
    half = bool(strings) and _WHOLE_STRING.fullmatch(strings[-1]) is None
    outside = _bracketed(outside, half, used)
    for name, pattern, replacement in _REPAIRS:
        outside, found = pattern.subn(replacement, outside)
        if found:
            used[name] = None
    outside = _WORD.sub(lambda match: _word(match[1], used), outside)
    gaps = outside.replace(_MARK, "\x00").split('"')
    pieces = [gaps[0]]
    for string, gap in zip(strings, gaps[1:], strict=False):
        plain = string[0] == '"' and _ODD.search(string) is None
        pieces += (string if plain else _string(string, used), gap)
    return "".join(pieces).replace("\x00", '"'), tuple(used)


def _bracketed(outside: str, half: bool, used: dict[str, None]) -> str:
    """Close what is open, and leave out what closes nothing; `half`: the last string has no end."""
    pieces: list[str] = []
    open_: list[str] = []
    starts: list[int] = []
    at = 0
    for match in _BRACKET.finditer(outside):
        bracket = match[0]
        pieces.append(outside[at : match.start()])
        at = match.end()
        if bracket in _CLOSING:
            open_.append(_CLOSING[bracket])
            starts[len(open_) - 1 :] = [len(pieces)]
            if len(open_) > _DEEPEST:
                return outside
        elif bracket not in open_:
            used["stray_bracket"] = None
            continue
        else:
            while (closing := open_.pop()) != bracket:
                used["missing_bracket"] = None
                if _is_item(open_, closing):
                    return outside
                pieces.append(closing)
        pieces.append(bracket)
        if not open_:
            break
    rest = outside[at:]
    if not open_:
        if "[" in rest:  # another message
            return outside
        if rest.strip():
            used["stray_bytes"] = None
        return "".join(pieces)
    used["cut_off"] = None
    items = (depth for depth, one in enumerate(open_) if _is_item(open_[:depth], one))
    if depth := next(items, 0):
        rest, half = "", False
        del pieces[starts[depth] :], open_[depth:]
    left = "".join((*pieces, rest)).rstrip()
    left = left.removesuffix('"') if half else _HALF_WORD.sub("", left)
    return _HALF_MEMBER.sub("", left.rstrip()) + "".join(reversed(open_))


def _is_item(around: list[str], closing: str) -> bool:
    """Whether an object stands in a list: half of a reading, without unit or time, is another."""
    return closing == "}" and len(around) > 1 and around[-1] == "]"


def _word(word: str, used: dict[str, None]) -> str:
    """A value without quotation marks: a known word, nothing, or a text, which may be a number."""
    if _NO_NUMBER.fullmatch(word):
        used["no_number"] = None
        return "null"
    if _ANY_NUMBER.fullmatch(word) and math.isfinite(float(word)):
        return word
    used["bare_word"] = None
    return _SAID.get(word.casefold()) or _MARK + word.replace("\\", "\\\\") + _MARK


def _string(string: str, used: dict[str, None]) -> str:
    inner = string[1:-1]
    if string[0] == "'":
        used["single_quotes"] = None
        inner = inner.replace("\\'", "'").replace('"', '\\"')
    mended = _ESCAPE.sub(_escape, inner)
    if mended != inner:
        used["bad_escape"] = None
    return f'"{mended}"'


def _escape(match: re.Match[str]) -> str:
    found = match[0]
    if len(found) == 12 or (len(found) == 2 and found[1] in '"\\/bfnrt'):
        return found
    if len(found) == 6:  # half of a pair stands for no character
        return "\\ufffd" if found[2:4].casefold() in _HALVES else found
    if found[0] == "\\":
        return "\\" + _escaped(found)
    return _escaped(found)


def _escaped(found: str) -> str:
    return "".join(
        "" if one == "\0" else f"\\u{ord(one):04x}" if one < " " else one for one in found
    )


_HALVES = {f"d{digit}" for digit in "89abcdef"}
