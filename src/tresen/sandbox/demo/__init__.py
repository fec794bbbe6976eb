"""The demo company: a pure, seeded generator. The same seed and moment always give the same world."""

from __future__ import annotations

from tresen.sandbox.demo.build import build
from tresen.sandbox.demo.world import DemoWorld

__all__ = ["DemoWorld", "build"]
