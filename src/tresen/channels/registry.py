"""Finds the adapters: every package below `channels/adapters` with an `adapter` module."""

from __future__ import annotations

import inspect
import pkgutil
from functools import cache
from importlib import import_module

from tresen.channels import adapters
from tresen.channels.contract import Adapter
from tresen.kernel.errors import Invalid


@cache
def all_adapters() -> dict[str, Adapter]:
    """Every adapter by kind."""
    found: dict[str, Adapter] = {}
    for package in pkgutil.iter_modules(adapters.__path__):
        if not package.ispkg:
            continue
        module = import_module(f"{adapters.__name__}.{package.name}.adapter")
        for _name, member in inspect.getmembers(module, inspect.isclass):
            if issubclass(member, Adapter) and member.__module__ == module.__name__:
                found[member.kind] = member()
    return found


def adapter(kind: str) -> Adapter | None:
    """The adapter of a kind; None for kinds without one (calls and visits are only logged)."""
    return all_adapters().get(kind)


def need(kind: str) -> Adapter:
    """The adapter of a kind, or Invalid."""
    found = adapter(kind)
    if found is None:
        raise Invalid(f"must be one of {', '.join(sorted(all_adapters()))}", field="kind")
    return found
