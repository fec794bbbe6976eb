"""Tresen: every customer channel arrives at one counter and is answered from one desk."""

__version__ = "0.1.0"
