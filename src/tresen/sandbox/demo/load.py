"""Fills an empty installation with the demo company, through the product's own actions."""

from __future__ import annotations

from rich.console import Console


def fill(console: Console) -> None:
    """Builds the demo company once."""


def introduce(console: Console, url: str) -> None:
    """Where to look and who to log in as."""
    console.print(url)
