"""Numbers that survive the telephone, and tokens that nobody guesses."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from tresen.kernel import ids

ROWS = st.integers(1, 10**15)


@given(ROWS)
def test_a_number_leads_back_to_its_row(row_id: int):
    assert ids.from_spoken(ids.spoken(row_id)) == row_id


@given(ROWS, st.data())
def test_every_single_wrong_digit_is_noticed(row_id: int, data: st.DataObject):
    number = ids.spoken(row_id)
    place = data.draw(st.integers(0, len(number) - 1))
    wrong = data.draw(st.sampled_from("0123456789"))
    assume(wrong != number[place])
    assert ids.from_spoken(number[:place] + wrong + number[place + 1 :]) is None


@given(ROWS, st.data())
def test_every_swap_of_neighbours_is_noticed(row_id: int, data: st.DataObject):
    number = ids.spoken(row_id)
    place = data.draw(st.integers(0, len(number) - 2))
    assume(number[place] != number[place + 1])
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert ids.from_spoken(swapped) is None


def test_all_errors_of_the_first_thousand_numbers():
    for row_id in range(1, 1000):
        number = ids.spoken(row_id)
        for place, digit in enumerate(number):
            for wrong in set("0123456789") - {digit}:
                assert ids.from_spoken(number[:place] + wrong + number[place + 1 :]) is None


@given(st.text(max_size=40))
def test_any_text_is_a_row_or_none(text: str):
    found = ids.from_spoken(text)
    assert found is None or found > 0


def test_numbers_as_people_write_them():
    number = ids.spoken(42)
    assert ids.from_spoken(f" #{number[:3]} {number[3:]} ") == 42
    assert ids.from_spoken(f"{number[0]}-{number[1]}.{number[2:]}") == 42
    for text in ("", "#", "0", "10", "١٠٠٠", "²", "1" * 19, number + "x"):
        assert ids.from_spoken(text) is None


def test_tokens_are_long_distinct_and_fit_into_an_address():
    found = {ids.token(128) for _ in range(200)}
    assert len(found) == 200
    assert {len(one) for one in found} == {22}  # 128 bits in base64
    assert all(set(one) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") for one in found)
    assert len(ids.token(256)) == 43


def test_a_secret_is_stored_as_its_hash():
    assert ids.digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
