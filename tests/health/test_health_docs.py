"""The page on health checks names every kind of check, in the words of its kit."""

from pathlib import Path
from typing import get_args

import pytest

from geodns.health.kits.kit import Kit
from geodns.health.kits.registry import KITS

PAGE = Path(__file__).parents[2] / "docs" / "health.md"


def row(kit: Kit) -> str:
    kinds = get_args(kit.settings.model_fields["type"].annotation)
    return f"| {', '.join(f'`{kind}`' for kind in kinds)} | {kit.success} | {kit.opens} |"


@pytest.mark.parametrize("kit", KITS, ids=lambda kit: kit.settings.__name__)
def test_every_kind_has_its_row_in_the_page(kit: Kit) -> None:
    assert row(kit) in PAGE.read_text(encoding="utf-8").splitlines()
