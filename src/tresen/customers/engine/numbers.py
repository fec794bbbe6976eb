"""Finds what may be the number of a contract, order, invoice or machine in a text. Pure.

A number is compared in its folded form: letters and digits only, upper case. `BB-2024-00123`, `bb 2024 00123`
and `BB/2024/00123` are the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

TEXT_MAX = 100_000  # characters read; what stands behind them is not looked at
FOLDED_MIN, FOLDED_MAX = 5, 80
DIGITS_MIN = 3
ATOMS_MAX = 6  # groups that one number may be written in
CANDIDATES_MAX = 400

_ATOM = re.compile(r"[^\W_]+")
_TIGHT = re.compile(r"[-\u2010-\u2015/._]")
_LOOSE = re.compile(r"[ \t\u00a0\u202f]|[ \t\u00a0\u202f]?[-\u2010-\u2015/.:#][ \t\u00a0\u202f]?")
_GAP_MAX = 3
_PREFIX_MAX = 4  # letters that may stand before a number with a space: "BB 2024 00123"


def fold(number: str) -> str:
    """Letters and digits only, upper case, compatibility forms folded; at most 80 characters."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", number).upper())
    return "".join(c for c in folded if c.isalnum())[:FOLDED_MAX]


def candidates(text: str) -> list[str]:
    """Folded numbers that the text may contain, in order of appearance, each once, at most 400.

    A candidate has at least 5 characters, 3 of them digits. Groups of digits side by side are also joined.
    """
    found: dict[str, None] = {}
    for chain in _chains(text[:TEXT_MAX]):
        for start in range(len(chain)):
            found.update(dict.fromkeys(_from(chain, start)))
            if len(found) >= CANDIDATES_MAX:
                return list(found)[:CANDIDATES_MAX]
    return list(found)


class _Atom(NamedTuple):
    """One group: as written, folded, and how many digits it has."""

    text: str
    folded: str
    digits: int


def _from(chain: list[_Atom], start: int) -> Iterator[str]:
    """What the groups from `start` on may mean: the first alone, the first two, and so on."""
    length = digits = 0
    for end in range(start, min(start + ATOMS_MAX, len(chain))):
        length += len(chain[end].folded)
        digits += chain[end].digits
        if length > FOLDED_MAX or len(chain[end].text) > FOLDED_MAX:
            return
        if length >= FOLDED_MIN and digits >= DIGITS_MIN:
            yield "".join(atom.folded for atom in chain[start : end + 1])


def _chains(text: str) -> Iterator[list[_Atom]]:
    """Runs of groups that may belong together."""
    chain: list[_Atom] = []
    end = 0
    for match in _ATOM.finditer(text):
        word = match.group()
        atom = _Atom(word, fold(word), sum(map(str.isdigit, word)))
        if chain and not _joined(chain[-1], text[end : match.start()], atom):
            yield chain
            chain = []
        chain.append(atom)
        end = match.end()
    if chain:
        yield chain


def _joined(left: _Atom, gap: str, right: _Atom) -> bool:
    """Whether two groups may be parts of one number."""
    if _TIGHT.fullmatch(gap):
        return True
    if len(gap) > _GAP_MAX or not _LOOSE.fullmatch(gap):
        return False
    short_word = len(left.text) <= _PREFIX_MAX and left.text.isalpha()
    return right.digits > 0 and (left.digits > 0 or short_word)
