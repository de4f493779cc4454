"""An image survives being written to a file and read back, whatever its size."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from building import image

from geodns.answer.image import Image, Node, ZoneImage
from geodns.answer.store import read_image, write_image


def test_an_image_read_back_is_the_same(tmp_path: Path) -> None:
    made = image(tmp_path)
    with tempfile.TemporaryFile() as file:
        write_image(made, file)
        read = read_image(file)
    assert read.services == made.services
    assert read.zones == made.zones
    assert len(read.locations) == 1
    for name in ("v4_starts", "v4_classes", "v6_high", "v6_low", "v6_classes"):
        before, after = getattr(made.locations[0], name), getattr(read.locations[0], name)
        assert list(before) == list(after)


def test_a_large_zone_goes_in_pieces_and_stays_whole() -> None:
    nodes: dict[bytes, Node] = {b"\x04%04d\x00" % number: {} for number in range(3000)}
    made = Image({b"\0": ZoneImage(b"\0", dict(nodes), 60)}, (), ())
    with tempfile.TemporaryFile() as file:
        write_image(made, file)
        assert read_image(file).zones == made.zones


def test_a_file_of_another_kind_is_refused() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"something else entirely")
        file.flush()
        with pytest.raises(ValueError, match="not an image"):
            read_image(file)
