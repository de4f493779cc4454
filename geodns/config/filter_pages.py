"""Puts the options of each steering filter into its page, as the settings have them.

Run ``python -m geodns.config.filter_pages docs/steering`` after a change of the settings.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from geodns.config.reference import settings_table
from geodns.config.steering import Stage
from geodns.config.wording import field_kinds

_TABLE = re.compile(r"(?<=^## Options\n\n)(?:\|.*\n)*", re.MULTILINE)


def with_options(page: str, name: str) -> str:
    """The text of a filter's page with the table under its heading Options made anew."""
    model = next(kind.model for kind in field_kinds(Stage.model_fields[name]) if kind.model)
    return _TABLE.sub(lambda _: settings_table(model), page, count=1)


def main(folder: Path) -> None:
    """Rewrites the pages of all filters."""
    for name in Stage.model_fields:
        page = folder / f"{name}.md"
        page.write_text(with_options(page.read_text(encoding="utf-8"), name), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
