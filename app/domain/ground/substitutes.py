"""Words of people, found in texts in any case and only whole, and what stands for each."""

import re
import unicodedata
from collections.abc import Mapping


def spellings(word: str) -> set[str]:
    """The forms of a word that no comparison without case finds by one another.

    “Groß” is GROSS in capitals, and a letter with its mark may be told as one sign or as two; of
    a word of plain letters there is one form.
    """
    if word.isascii():
        return {word}
    cased = {word, word.casefold(), word.lower(), word.upper()}
    return {unicodedata.normalize(form, one) for one in cased for form in ("NFC", "NFD")}


class Substitutes:
    """What stands for words within texts; a word may be a name of several."""

    def __init__(self, words: Mapping[str, str], *, shortest: int) -> None:
        """`words` of fewer than `shortest` letters are found by `whole` alone."""
        self._known = {form: made for word, made in words.items() for form in spellings(word)}
        self._folded = {form.casefold(): made for form, made in self._known.items()}
        long = sorted({word for word in self._known if len(word) >= shortest}, key=len)
        found = "|".join(map(re.escape, reversed(long)))
        self._long = re.compile(rf"(?<!\w)(?:{found})(?!\w)", re.IGNORECASE) if found else None

    def whole(self, text: str) -> str | None:
        """What stands for a text that is such a word as a whole; None when it is none."""
        return self._folded.get(text.strip().casefold())

    def within(self, text: str) -> str:
        """A text in which the words are replaced."""
        return text if self._long is None else self._long.sub(self._made, text)

    def _made(self, hit: re.Match[str]) -> str:
        if (made := self.whole(hit[0])) is not None:
            return made
        # Expressions take some letters for one (ı and i) that stay two when folded.
        fits = (re.fullmatch(re.escape(form), hit[0], re.IGNORECASE) for form in self._known)
        return next(made for made, fit in zip(self._known.values(), fits, strict=True) if fit)
