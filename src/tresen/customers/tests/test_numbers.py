"""Numbers of contracts, orders, invoices and machines in a text."""

import random
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tresen.customers.engine.numbers import ATOMS_MAX, CANDIDATES_MAX, candidates, fold


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Guten Tag, meine Maschine tropft.", []),
        ("Vertrag BB-2024-00123, bitte", ["BB2024", "BB202400123", "202400123", "00123"]),
        ("4711 0815", ["47110815"]),
        ("SN:KX9-17-A22", ["SNKX917", "SNKX917A22", "KX917", "KX917A22", "17A22"]),
        ("4711\n0815", []),
        ("4711; 0815", []),
        ("Nr. 12, Zimmer 4", []),
        ("abc12 de", []),
        ("RE#10017", ["RE10017", "10017"]),
        ("x" * 90 + "12345", []),
    ],
)
def test_candidates(text: str, expected: list[str]) -> None:
    assert candidates(text) == expected


@pytest.mark.parametrize(
    "written",
    ["BB-2024-00123", "bb 2024 00123", "BB/2024/00123", "BB2024-00123", "BB 2024/00123", "BB – 2024 – 00123"],
)
@pytest.mark.parametrize("around", ["{}", "Es geht um {}.", "({})", "Vertrag: {}\nDanke", "Nr.{}, eilig", "{}!"])
def test_every_way_of_writing_a_number(written: str, around: str) -> None:
    assert "BB202400123" in candidates(around.format(written))


def test_fold() -> None:
    assert fold("bb-2024/00123 ") == "BB202400123"
    assert fold("Ｋｘ９") == "KX9"
    assert fold("---") == ""
    assert len(fold("9" * 200)) == 80


@given(st.text(max_size=40))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


NUMBER = st.builds(
    lambda groups, mark: mark.join(groups),
    st.lists(st.from_regex(r"[A-Z0-9]{1,6}", fullmatch=True), min_size=1, max_size=ATOMS_MAX),
    st.sampled_from(["-", "/", ".", "_", ""]),
).filter(lambda number: len(fold(number)) >= 5 and sum(map(str.isdigit, number)) >= 3)


@given(NUMBER, st.sampled_from(["Hallo, ", "Betreff: ", "(", "\n", '"']), st.sampled_from([".", ", danke", ")", "\n"]))
def test_a_number_in_a_sentence_is_found(number: str, before: str, behind: str) -> None:
    assert fold(number) in candidates(f"{before}{number}{behind}")


@given(st.text(max_size=300))
def test_candidates_are_numbers(text: str) -> None:
    found = candidates(text)
    assert len(set(found)) == len(found) <= CANDIDATES_MAX
    for candidate in found:
        assert fold(candidate) == candidate
        assert 5 <= len(candidate) <= 80
        assert sum(map(str.isdigit, candidate)) >= 3


@pytest.mark.parametrize(
    "text",
    [
        "1-" * 50_000,
        "12 " * 33_000,
        "a-" * 50_000,
        "a-1-b-" * 17_000,
        "1" * 100_000,
        "١" * 100_000,
        "12345 " * 100_000,
        "".join(random.Random(7).choices(string.printable, k=100_000)),
    ],
    ids=range(8),
)
def test_work_is_bounded(text: str) -> None:
    began = time.process_time()
    assert len(candidates(text)) <= CANDIDATES_MAX
    assert time.process_time() - began < 1
