"""An image survives being written to a file and read back, whatever its size."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from building import image

from geodns.answer.image import Image, Node, ZoneImage
from geodns.answer.store import read_image, write_image, write_without


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


def test_an_image_can_be_written_again_without_a_zone(tmp_path: Path) -> None:
    made = image(tmp_path)
    (apex,) = made.zones
    other = ZoneImage(b"\5other\0", {b"\5other\0": {}}, 5)
    both = replace(made, zones={apex: made.zones[apex], other.apex: other})
    with (
        tempfile.TemporaryFile() as file,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as again,
    ):
        write_image(both, file)
        assert write_without(file, {apex}, out)
        read = read_image(out)
        assert not write_without(out, {apex}, again)
    assert read.zones == {apex: replace(made.zones[apex], nodes={}), other.apex: other}
    assert read.services == made.services


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


def test_branches_and_tables_that_services_share_survive(tmp_path: Path) -> None:
    endpoints = {
        name: {"addresses": [f"192.0.2.{number}"]}
        for number, name in enumerate(("one", "two", "three"), start=1)
    }
    regions = {
        name: {
            "location": where,
            "availability_zones": {f"{name}-a": {"endpoints": endpoints}},
        }
        for name, where in {"eu": (50.11, 8.68), "us": (38.9, -77.45)}.items()
    }
    services = {
        "web": {"steering": "weighted", "branches": {"one": 2, "two": 1}},
        "one": {"steering": "nearest"},
        "two": {"steering": "nearest"},
        "three": {"steering": ["latency", {"spread": "region"}, {"sticky": False}]},
    }
    made = image(tmp_path, regions=regions, services=services)
    assert made.services[1].classes is made.services[2].classes
    with tempfile.TemporaryFile() as file:
        write_image(made, file)
        read = read_image(file)
    assert read.services == made.services
    web, one, two, three = read.services
    branches = [branch for tier in web.tiers for branch in tier.branches]
    assert {(branch.id, branch.share) for branch in branches} == {("one", 2.0), ("two", 1.0)}
    assert (three.spread, three.sticky) == ("region", False)
    # What was one object is one again: tables of classes are the largest part of an image.
    assert one.classes is two.classes
    assert one.classes is not web.classes


def test_many_classes_go_in_pieces_and_stay_in_order(tmp_path: Path) -> None:
    service = image(tmp_path).services[0]
    classes = tuple((number % 3, (number + 1) % 3) for number in range(1700))
    made = Image({}, (replace(service, classes=classes),), ())
    with tempfile.TemporaryFile() as file:
        write_image(made, file)
        assert read_image(file).services == made.services
