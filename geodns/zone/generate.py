"""Expands ``$GENERATE``, BIND's shorthand for many records that differ in a number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from geodns.zone.draft import ContentError
from geodns.zone.lexer import Word

MOST = 65536  # records of one directive: the hosts of a /16
_WIDEST = 127  # BIND formats a number into 128 bytes
_RANGE = re.compile(r"(\d{1,10})-(\d{1,10})(?:/(\d{1,10}))?")
_PART = re.compile(r"(\\.)|(\$\$)|\$\{([^}]*)\}|(\$)", re.DOTALL)
_MODIFIER = re.compile(r"([+-]?\d{1,10})(?:,(\d{1,3})(?:,([doxXnN]))?)?")


def generate(words: Sequence[Word]) -> Iterator[tuple[Word, list[Word]]]:
    """Owner and remaining words of each record of ``$GENERATE start-stop[/step] owner ...``.

    In every word ``$`` stands for the number, ``${offset,width,base}`` for a form of it (d, o, x
    or X; n or N: reversed nibbles with dots), ``$$`` for a dollar sign. Raises ContentError, its
    ``inside`` the index of the word that is wrong.
    """
    match = _RANGE.fullmatch(words[1].value)
    if match is None:
        raise ContentError("bad-range", "write the range as 1-10 or 1-10/2", None, (1,))
    start, stop, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if start > stop or step < 1:
        raise ContentError("bad-range", "the range is empty", None, (1,))
    if (stop - start) // step >= MOST:
        raise ContentError("bad-range", f"the range has more than {MOST} numbers", None, (1,))
    for number in range(start, stop + 1, step):
        owner, *rest = (_expand(word, at, number) for at, word in enumerate(words[2:], 2))
        yield owner, rest


def _expand(word: Word, at: int, number: int) -> Word:
    def replacement(match: re.Match[str]) -> str:
        escaped, dollar, modifier, _ = match.groups()
        if escaped is not None:
            return str(escaped)
        if dollar is not None:
            return "$"
        return _formatted(modifier, at, number)

    if "$" not in word.value:
        return word
    text = _PART.sub(replacement, word.value)
    return Word(text, word.is_quoted_string(), word.spaced, word.line, word.column)


def _formatted(modifier: str | None, at: int, number: int) -> str:
    if modifier is None:
        return str(number)
    match = _MODIFIER.fullmatch(modifier)
    if match is None or int(match[2] or 0) > _WIDEST:
        raise ContentError(
            "bad-modifier",
            f"${{{modifier}}} is not of the form ${{offset,width,base}}",
            None,
            (at,),
        )
    value, width, base = number + int(match[1]), int(match[2] or 0), match[3] or "d"
    if base not in "nN":
        return format(value, base).zfill(width)
    if value < 0:
        raise ContentError("bad-modifier", "a negative number has no nibbles", None, (at,))
    # BIND counts the dots in the width, and writes at least one nibble.
    digits = format(value, "x" if base == "n" else "X").zfill(max(1, (width + 1) // 2))
    return ".".join(reversed(digits))
