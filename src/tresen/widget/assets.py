"""The widget's files as browsers get them: modules joined, comments and indentation dropped, compressed, versioned.

There is no build step: it happens once in the process, from readable sources that would also run as they are.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

SOURCES = Path(__file__).parent / "static" / "widget"
SERVED = ("chat.js", "chat.css", "form.js", "form.css", "de.js", "en.js")
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_IMPORT = re.compile(r'^import \{[^}]+\} from "\./(\w+\.js)";\n', re.MULTILINE)
_COMMENT = re.compile(r"^\s*(?://[^\n]*|/\*\*(?:(?!\*/).)*\*/)\s*\n", re.MULTILINE | re.DOTALL)
_TRAILING = re.compile(r" // [^\n\"'`]*$", re.MULTILINE)
_INDENT = re.compile(r"^[ \t]+|[ \t]+$|\n(?=\n)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file ready to be sent, plain and compressed, with its entity tag."""

    content_type: str
    body: bytes
    packed: bytes
    etag: str


@lru_cache(128)
def asset(content_type: str, body: bytes) -> Asset:
    """The same bytes always give the same tag."""
    tag = '"' + hashlib.sha256(body).hexdigest()[:24] + '"'
    return Asset(content_type, body, gzip.compress(body, 9, mtime=0), tag)


def lean(source: str) -> str:
    """The source without whole-line comments and indentation. Meaning is kept: no string here spans lines."""
    return _INDENT.sub("", _TRAILING.sub("", _COMMENT.sub("", source)))


def joined(name: str) -> str:
    """A module with everything it imports statically in one file, each part once, the parts it needs first."""
    done: set[str] = set()

    def part(module: str) -> str:
        if module in done:
            return ""
        done.add(module)
        source = (SOURCES / module).read_text("utf-8")
        before = "".join(part(needed) for needed in _IMPORT.findall(source))
        own = _IMPORT.sub("", source)
        if module != name:
            own = re.sub(r"^export (?=const|class|function|async)", "", own, flags=re.MULTILINE)
        return before + own

    return lean(part(name))


@cache
def served(name: str) -> Asset:
    """One of `SERVED`."""
    source = joined(name) if name.endswith(".js") else lean((SOURCES / name).read_text("utf-8"))
    return asset(_TYPES[Path(name).suffix], source.encode())


@cache
def loader(kind: str) -> str:
    """The script of a channel kind (chat or form), with the word CONFIG where its settings go."""
    return lean((SOURCES / f"{kind}-loader.js").read_text("utf-8"))


@cache
def version() -> str:
    """Changes whenever one of the files does: it stands in their addresses, so that they are cached for good."""
    digest = hashlib.sha256()
    for name in SERVED:
        digest.update(served(name).body)
    return digest.hexdigest()[:16]
