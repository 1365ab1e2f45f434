"""Secrets are blotted out before anything is kept or shown: the one place that knows them.

What a charger sends may hold a password anywhere: in a member of that name, as the value of a
setting, within a text that is JSON, a form, XML or a header, or in a frame that is broken.  The
work is bounded by what is kept, whatever is sent.
"""

import json
import re
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

from app.domain.ground.vocabulary import Json

#: What is written in the place of a secret.
REDACTED = "•••"
#: What is written in the place of what is beyond the bounds.
LEFT_OUT = "…"
#: A longer text is cut, in characters.
LONGEST = 64 * 1024

#: Values that are looked at within one payload, characters that are kept, and how deep.
_MOST = 100_000
_MOST_TEXT = 1 << 20
_DEEPEST = 40

_WORDS = (
    r"pass(?:word|wd|phrase|code|wort)|kennwort|secret|credential|auth(?:orization)?[\s_-]?key"
    r"|api[\s_-]?key|private[\s_-]?key|(?:pre)?shared[\s_-]?key|encryption[\s_-]?key|vpn[\s_-]?key"
    r"|key[\s_-]?code|sim[\s_-]?pin"
    r"|(?:access|auth|api|bearer|refresh|security|login)[\s_-]?token"
)
_NAME = re.compile(_WORDS, re.IGNORECASE)
#: Names that are a secret's only as a whole.
_WHOLE = frozenset({"pin", "pwd", "pw", "pass", "psk", "wpa", "jwt", "authorization", "bearer"})
#: A name is not longer than this.
_LONGEST_NAME = 80

#: Members that hold the value of what another member names.
_VALUES = frozenset(
    {
        *("value", "attributevalue", "actualvalue", "variableattribute", "newvalue", "oldvalue"),
        *("data", "content", "techinfo", "text", "val", "additionalinfo"),
    }
)
#: Members that name something, directly or as an object with a name.
_NAMING = frozenset(
    {
        *("key", "name", "variable", "component", "setting", "parameter", "param", "field"),
        *("variablename", "configkey", "configurationkey", "attribute", "messageid", "id", "type"),
    }
)

#: One of these is in every text that holds something to be blotted out (in lower case).
_SIGNS = (
    *("pass", "kennwort", "secret", "credential", "key", "pin", "pwd", "pw", "psk", "wpa"),
    *("token", "jwt", "authorization", "bearer", "basic ", "digest ", "eyj", "://", "/f/", "/u/"),
)

#: The name of a card's number, as JSON has it.  It is no secret's, and where it is that of a key
#: code or of a PIN, one of the signs stands beside it.
_OF_A_CARD = '"idtoken"'

#: A text so short is remembered by its shape.
_SHORT = 2_000

#: The secret in an address of our own (`app.domain.device.files`).
_FILE_KEY = re.compile(r"(/[fu]/)[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])")
_RUN = re.compile(r"[^\s\"'<>]+")
_HEADER = re.compile(r"\b(basic|bearer|digest)\s+[\w+/=.~-]{6,}", re.IGNORECASE)
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY.*?(?:-----END|\Z)", re.DOTALL)
_ALONE = r"(?<![\w-])(?:pin|pwd|pw|pass|psk|jwt|token|authorization)"
#: `password=x`, `"password": "x y"`, `<password>x y</password>`, `password => x`.
_GIVEN = re.compile(
    rf"((?:{_WORDS}|{_ALONE})[\w.-]{{0,40}}[\"'\\]{{0,4}}\s{{0,9}}(?:=>|[:=>])\s{{0,9}})"
    r"(?:(\\?[\"'])(?:\\.|(?!\2)[^\\]){0,65536}|(?<=>)[^<]{1,65536}|[^\s\"'&<>,;{}\[\]\\]+)",
    re.IGNORECASE,
)
#: `the password hunter2 was`: a word of prose is no secret, one with a digit may be.
_SAID = re.compile(
    rf"((?:{_WORDS})[\w.-]{{0,40}}\s{{1,9}}(?:is\s|was\s|ist\s)?[\"'“]?)(?=[^\s\d]{{0,80}}\d)\S{{4,}}",
    re.IGNORECASE,
)
#: The value in a text that names a secret somewhere, in JSON, in XML and in attributes.
_VALUE = re.compile(
    r"(\b(?:value|attribute_?value|actual_?value|new_?value|old_?value|data|tech_?info|content)"
    r"\\?[\"']?\s{0,9}[:=>]\s{0,9})"
    r"(?:(\\?[\"'])(?:\\.|(?!\2)[^\\]){0,65536}|(?<=>)[^<]{1,65536}|[^\s\"'&<>,;{}\[\]\\]+)",
    re.IGNORECASE,
)


#: A broken frame that holds one of these may hold a secret.
_DOUBT = re.compile(
    rf"{_WORDS}|(?<![\w-])(?:pin|pwd|pw|pass|psk|wpa|jwt|authorization|server)(?![\w-])"
    r"|://|%22|\\u00|eyJ|-----BEGIN|(?:basic|bearer|digest)\s",
    re.IGNORECASE,
)
#: A text or a bare word, and the colon that makes it a name.
_LITERAL = re.compile(
    r"(\"(?:\\.|[^\"\\])*(?:\"|\\?\Z)|'(?:\\.|[^'\\])*(?:'|\\?\Z)"
    r"|[^\s\"'{}\[\],:]+)(\s{0,9}:)?",
    re.DOTALL,
)
_PLAIN_NAME = re.compile(r"[\"']?\w{1,40}[\"']?")


def names_secret(name: str) -> bool:
    """Whether what bears this name is a secret."""
    name = name[:_LONGEST_NAME]
    return name.strip().casefold() in _WHOLE or _NAME.search(name) is not None


def redact(payload: object) -> Any:
    """Return a copy of a payload in which secrets, and passwords within texts, are blotted out."""
    return _Redactor(_MOST, _MOST_TEXT).of(payload, 0)


def redacted(payload: object, text: str) -> Any:
    """The same, where the payload is at hand as JSON: what can hold no secret is taken as it is."""
    return redact(payload) if len(text) > LONGEST or may_hold_secrets(text) else payload


def shortened(payload: object) -> Any:
    """The same for a log: what is beyond `LONGEST` characters in all is left out."""
    return _Redactor(_MOST, LONGEST).of(payload, 0)


def redact_text(text: str) -> str:
    """Blot out the secrets in a text of any kind, broken or whole, cut to `LONGEST`."""
    cut = text if len(text) <= LONGEST else text[:LONGEST] + LEFT_OUT
    if not may_hold_secrets(cut):
        return cut
    found = _whole_json(cut)
    return _blotted(cut) if found is None else found


def redact_frame(text: str) -> str:
    """Blot out the secrets in a frame, cut to `LONGEST`.

    Of a broken one nobody can say what belongs to which name: where it may hold a secret, only its
    head, its names and its signs are kept, which still show where it breaks.
    """
    cut = text if len(text) <= LONGEST else text[:LONGEST] + LEFT_OUT
    if not may_hold_secrets(cut):
        return cut
    if (whole := _whole_json(cut)) is not None:
        return whole
    if _DOUBT.search(cut) is None:
        return cut
    head, brace, rest = cut.partition("{")
    return _blotted(head) + brace + _LITERAL.sub(_name_only, rest)


def may_hold_secrets(text: str) -> bool:
    """A cheap doubt: False where nothing in the text can be a secret by our rules.

    What a charger says differs mostly in its numbers: without them it was looked at before.
    """
    if len(text) > _SHORT:
        return _holds_sign(text)
    return _shape_holds_sign(text.encode(errors="replace").translate(None, b"0123456789"))


@lru_cache(4096)
def _shape_holds_sign(shape: bytes) -> bool:
    return _holds_sign(shape.decode())


def _holds_sign(text: str) -> bool:
    lower = text.lower().replace(_OF_A_CARD, "")
    return any(sign in lower for sign in _SIGNS) or "%" in text or "\\u" in text


class _Redactor:
    """One walk through a payload, with bounds of values and of characters.

    Looking through a text that may hold a secret is dear: of those no more than `LONGEST`
    characters are kept.
    """

    def __init__(self, values: int, characters: int) -> None:
        self._values = values
        self._characters = characters
        self._doubtful = LONGEST

    def of(self, value: object, depth: int) -> Any:
        self._values -= 1
        if isinstance(value, str):
            return self._text(value)
        if not isinstance(value, dict | list):
            return value
        if depth > _DEEPEST:
            return LEFT_OUT
        if isinstance(value, dict):
            return self._members(value, depth)
        kept: list[Any] = []
        for item in value:
            if self._spent():
                return [*kept, LEFT_OUT]
            kept.append(self.of(item, depth + 1))
        return kept

    def _members(self, payload: Json, depth: int) -> Json:
        named = _names_one(payload)
        hidden = _hidden_members(payload)
        kept: Json = {}
        for name, value in payload.items():
            if self._spent():
                kept[LEFT_OUT] = LEFT_OUT
                break
            if value is None or isinstance(value, bool):
                kept[name] = value
            elif name in hidden or _is_secret(name, value) or (named and _plain(name) in _VALUES):
                kept[name] = REDACTED
            else:
                kept[name] = self.of(value, depth + 1)
        return kept

    def _text(self, text: str) -> str:
        text = text if len(text) <= LONGEST else text[:LONGEST] + LEFT_OUT
        if may_hold_secrets(text):
            self._doubtful -= len(text)
            text = redact_text(text) if self._doubtful >= -1 else LEFT_OUT
        if len(text) > self._characters:
            text = text[: max(0, self._characters)] + LEFT_OUT
        self._characters -= len(text) + 3
        return text

    def _spent(self) -> bool:
        return self._values < 0 or self._characters < 0


def _plain(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "")


def _is_secret(name: str, value: object) -> bool:
    if names_secret(name):
        return True
    # A card's number is a token too, and no secret; none is as long as those of machines.
    return name.casefold() == "token" and isinstance(value, str) and len(value) > 40


def _names_one(payload: Json) -> bool:
    """Whether an object is about a secret: a setting of 1.6, a variable of 2.x, a parameter."""
    for name, value in payload.items():
        if _plain(name) not in _NAMING:
            continue
        if isinstance(value, dict):
            value = value.get("name")
        if isinstance(value, str) and names_secret(value):
            return True
    return False


def _hidden_members(payload: Json) -> tuple[str, ...]:
    """The members that are secrets for what stands beside them: key codes (2.0.1 C04.FR.04)."""
    if "server" in payload and "key" in payload:  # of a VPN
        return ("key",)
    if payload.get("token_kind") == "key_code":
        return ("token",)
    kind = str(payload.get("type", ""))[:_LONGEST_NAME].casefold()
    if kind == "keycode":
        return ("idToken", "additionalInfo")
    return ("additionalIdToken",) if "pin" in kind or "keycode" in kind else ()


def _whole_json(text: str) -> str | None:
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    written = json.dumps(redact(value), separators=(",", ":"), ensure_ascii=False)
    return written.encode(errors="replace").decode()  # half a character cannot be stored


def _blotted(text: str) -> str:
    """The text redacted by patterns; one in percent-encoding is read first."""
    found = _by_patterns(text)
    plain = unquote_plus(text) if "%" in text else text
    plain = plain.replace("\\u0022", '"').replace("&quot;", '"').replace("&#34;", '"')
    if plain != text:
        better = _by_patterns(plain)
        return found if better == plain else better
    return found


def _by_patterns(text: str) -> str:
    text = _FILE_KEY.sub(rf"\1{REDACTED}", text)
    if "://" in text and "@" in text:
        text = _RUN.sub(_without_login, text)
    text = _PRIVATE_KEY.sub(REDACTED, text)
    text = _JWT.sub(REDACTED, text)
    text = _HEADER.sub(rf"\1 {REDACTED}", text)
    text = _GIVEN.sub(_written, text)
    if _NAME.search(text):
        text = _VALUE.sub(_written, text)
        text = _SAID.sub(rf"\1{REDACTED}", text)
    return text


def _without_login(match: re.Match[str]) -> str:
    scheme, found, rest = match[0].partition("://")
    login, at, place = rest.rpartition("@")
    return f"{scheme}://{REDACTED}@{place}" if found and at and login else match[0]


def _written(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2] or ''}{REDACTED}"


def _name_only(match: re.Match[str]) -> str:
    literal, colon = match[1], match[2] or ""
    if colon and _PLAIN_NAME.fullmatch(literal):
        return literal + colon
    return f"{REDACTED}{colon}"
