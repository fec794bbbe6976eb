"""A child process answers, and a bad call ends it and nothing else."""

from __future__ import annotations

import os
import time

import pytest

from tresen.kernel.child import Child, ChildFailed


def double(value: int) -> int:
    return value * 2


def pid() -> int:
    return os.getpid()


def hang() -> None:
    time.sleep(60)


def refuse(text: str) -> None:
    raise ValueError(text)


def swallow(count: int) -> int:
    return len(b"x" * count)


def die() -> None:
    os.abort()


def call(name: str, *args: object) -> object:
    return globals()[name](*args)


@pytest.fixture(scope="module")
def child() -> Child:
    return Child(f"{__name__}:call", memory=512 * 1024**2)


def test_it_answers_and_stays(child: Child) -> None:
    first = child.call("pid", timeout=10)
    assert child.call("double", 21, timeout=10) == 42
    assert child.call("pid", timeout=10) == first != os.getpid()


def test_what_the_function_raises_comes_back_as_text(child: Child) -> None:
    with pytest.raises(ChildFailed, match="ValueError: nicht so"):
        child.call("refuse", "nicht so", timeout=10)
    assert child.call("double", 2, timeout=10) == 4


def test_what_takes_too_long_is_killed_and_the_next_call_works(child: Child) -> None:
    before = child.call("pid", timeout=10)
    with pytest.raises(ChildFailed, match="too long"):
        child.call("hang", timeout=0.2)
    assert child.call("pid", timeout=10) != before


def test_what_takes_too_much_memory_fails_alone(child: Child) -> None:
    with pytest.raises(ChildFailed, match="MemoryError"):
        child.call("swallow", 2 * 1024**3, timeout=10)
    assert child.call("double", 3, timeout=10) == 6


def test_a_child_that_dies_is_replaced(child: Child) -> None:
    with pytest.raises(ChildFailed, match="abruptly"):
        child.call("die", timeout=10)
    assert child.call("double", 4, timeout=10) == 8
