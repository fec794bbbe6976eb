"""Imports every room's jobs, so that they are registered."""

from __future__ import annotations

from tresen.channels import jobs as channels
from tresen.routing import jobs as routing

__all__ = ["channels", "routing"]
