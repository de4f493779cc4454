"""docs/benchmarks.md: sections between marks, of which one benchmark replaces only its own."""

from __future__ import annotations

import re
from pathlib import Path

_HEAD = """\
# Benchmarks

Written by `scripts/bench --write`; run it on your own machine to compare.
"""


def replace_section(document: str, name: str, body: str) -> str:
    """The document with a section's text replaced, or added at the end."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{begin}\n\n{body.strip()}\n\n{end}"
    if begin not in document:
        return f"{document.rstrip()}\n\n{section}\n"
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    return re.sub(pattern, lambda _: section, document, count=1, flags=re.DOTALL)


def write_section(file: Path, name: str, body: str) -> None:
    """Replace one section of a file, which is made if it is missing."""
    document = file.read_text() if file.exists() else _HEAD
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(replace_section(document, name, body))
