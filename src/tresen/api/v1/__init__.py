"""API v1."""

from tresen.api.v1.app import api

__all__ = ["api"]
