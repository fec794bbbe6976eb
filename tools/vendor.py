"""Fetches the pinned front-end packages from npm and copies what the desk serves into `static/vendor/`.

Run it by `make vendor` after changing a pin or `icons.txt`; the result is committed, so that neither an
installation nor a browser ever asks a foreign server. Needs `npm` for the download only.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "src/tresen/desk/static/vendor"
TEST_VENDOR = ROOT / "tests/vendor"


@dataclass(frozen=True)
class Package:
    """One npm package. `files` maps a path in the package to the name under which it is served.

    `integrity` is npm's `dist.integrity` (sha512, base64). `banner` names a served file whose first comment has
    the copyright, for packages that ship no licence file of their own.
    """

    name: str
    version: str
    integrity: str
    licence: str
    files: dict[str, str]
    target: Path = VENDOR
    banner: str = ""


PACKAGES = (
    Package(
        "@tabler/core",
        "1.6.1",
        "sha512-lgmR9gcxRp5JlLxcmRi9Rz85JrEvH6Bz71KnlcPVSa97wtwQNjgSs3g3fxwbAlulHyRMghhIV04QUuW3pqDsIg==",
        "MIT",
        {"dist/css/tabler.min.css": "tabler.min.css"},
        banner="tabler.min.css",
    ),
    Package(
        "@tabler/icons",
        "3.51.0",
        "sha512-0pinvPZz7YeX+OSfxuEAbnEPWbocVXW5iU8h5lh41pYG8sZuQfpWECC980lxOT0clGIcNGn8xsBr+zKaRGdA/g==",
        "MIT",
        {},
    ),
    Package(
        "htmx.org",
        "2.0.11",
        "sha512-Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA==",
        "0BSD",
        {"dist/htmx.min.js": "htmx.min.js"},
    ),
    Package(
        "idiomorph",
        "0.8.0",
        "sha512-R47JBL+6jHDQvcnbppIUtXXcxi5h6+wuCEEZXnRhUltsgzPFKzThL5PuHppP9ypJuy+7WawcY1TsSBD/iQbMhw==",
        "0BSD",
        {"dist/idiomorph-ext.min.js": "idiomorph-ext.min.js"},
    ),
    Package(
        "axe-core",
        "4.14.1",
        "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        "MPL-2.0",
        {"axe.min.js": "axe.min.js"},
        target=TEST_VENDOR,
    ),
)

ICONS = (Path(__file__).parent / "icons.txt").read_text().split()

MIT_BODY = re.compile(r"Permission is hereby granted.*", re.DOTALL)


def fetch(package: Package, scratch: Path) -> Path:
    """Downloads and unpacks one package; returns its root. Stops when the archive differs from the pin."""
    out = subprocess.run(
        ["npm", "pack", f"{package.name}@{package.version}", "--json", "--pack-destination", str(scratch)],
        check=True, capture_output=True, text=True, cwd=scratch,
    ).stdout  # fmt: skip
    packed = json.loads(out)
    name = (packed[0] if isinstance(packed, list) else next(iter(packed.values())))["filename"]
    archive = scratch / name.replace("@", "").replace("/", "-")
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != package.integrity:
        sys.exit(f"{package.name}@{package.version}: integrity is {found}, pinned {package.integrity}")
    root = scratch / package.name.replace("/", "-")
    with tarfile.open(archive) as tar:
        tar.extractall(root, filter="data")
    return root / "package"


def licence_text(package: Package, source: Path, target: Path, mit: str) -> str:
    """The package's licence file, or MIT's text under the copyright lines of the first served comment."""
    for candidate in ("LICENSE", "LICENSE.md", "LICENSE.txt"):
        if (source / candidate).exists():
            return (source / candidate).read_text()
    comment = (target / package.banner).read_text()[:2000]
    holders = [line.strip(" *") for line in comment.splitlines() if "Copyright" in line]
    return "The MIT License (MIT)\n\n" + "\n".join(holders) + "\n\n" + mit


def sprite(icons: Path) -> str:
    """One SVG file with a `<symbol>` per icon of `icons.txt`, drawn in the colour of the text around."""
    symbols = []
    for name in sorted(ICONS):
        drawing = (icons / f"{name}.svg").read_text()
        shapes = re.findall(r"<(?:path|circle|rect|line|polyline|ellipse)\b[^>]*/>", drawing)
        shown = "".join(s for s in shapes if 'd="M0 0h24v24H0z"' not in s)
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
            f'stroke-linecap="round" stroke-linejoin="round">{shown}</symbol>'
        )
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def install(package: Package, source: Path, mit: str) -> None:
    """Replaces the package's folder with the wanted files, its licence and its version."""
    target = package.target / package.name.lstrip("@").replace("/", "-")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for inside, served in package.files.items():
        # A map file is not shipped: without this, Django's manifest storage would look for it.
        text = re.sub(r"(/\*|//)# sourceMappingURL=\S+( \*/)?", "", (source / inside).read_text())
        (target / served).write_text(text.rstrip() + "\n")
    if package.name == "@tabler/icons":
        (target / "icons.svg").write_text(sprite(source / "icons/outline"))
    (target / "LICENSE").write_text(licence_text(package, source, target, mit))
    (target / "VERSION").write_text(f"{package.name} {package.version} {package.licence}\n")
    size = sum(file.stat().st_size for file in target.iterdir())
    print(f"{package.name} {package.version}: {size / 1024:.0f} kB")


def main() -> None:
    """Fetches all packages, then replaces the vendored folders."""
    with tempfile.TemporaryDirectory() as folder:
        sources = {package.name: fetch(package, Path(folder)) for package in PACKAGES}
        found = MIT_BODY.search((sources["@tabler/icons"] / "LICENSE").read_text())
        assert found, "the licence of @tabler/icons is no longer MIT"
        for package in PACKAGES:
            install(package, sources[package.name], found.group())


if __name__ == "__main__":
    main()
