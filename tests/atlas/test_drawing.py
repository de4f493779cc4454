"""The picture: SVG that parses and is small, PNG of the right size, names that do not overlap."""

from __future__ import annotations

import io
import itertools
import re
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.atlas.labels import Box, Mark, place_labels
from geodns.atlas.lettering import shortened, width_of
from geodns.atlas.png import PngError, write_png
from geodns.atlas.scene import Area, Scene
from geodns.atlas.scene import Box as Swatch
from geodns.atlas.sheet import Format, SizeError, Words, draw
from geodns.atlas.svg import write_svg
from geodns.atlas.view import Question, View, view
from geodns.config.load import load
from geodns.explain.whatif import Availabilities, withdraw

EXAMPLE = Path(__file__).parents[2] / "config" / "geodns.yaml"
WORDS = Words("Title <of> web", "a subtitle", "notes & sources")
SVG = "{http://www.w3.org/2000/svg}"


@cache
def failed() -> View:
    configuration = load(EXAMPLE)[0]
    down = ("eu-central-1",)
    withdrawn = Availabilities({}, withdraw(configuration.topology, down), down)
    return view(configuration, Question("web", down), withdrawn, Availabilities())


@cache
def scene(form: Format = Format()) -> Scene:  # noqa: B008 - it is immutable
    return draw(failed(), WORDS, form)


def test_the_svg_is_xml_and_small() -> None:
    text = write_svg(scene())
    assert len(text.encode()) < 500_000
    root = ET.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert root.find(f"{SVG}title").text == WORDS.title  # type: ignore[union-attr]


def test_every_class_and_reference_of_the_svg_is_defined() -> None:
    text = write_svg(scene())
    root = ET.fromstring(text)
    rules = set(re.findall(r"^\.([\w-]+)\{", root.find(f"{SVG}style").text or "", re.MULTILINE))  # type: ignore[union-attr]
    used = {element.get("class") for element in root.iter() if element.get("class")}
    assert used <= rules
    ids = {element.get("id") for element in root.iter() if element.get("id")}
    assert set(re.findall(r"url\(#([\w-]+)\)", text)) <= ids
    assert {link[1:] for element in root.iter() if (link := element.get("href"))} <= ids


def test_the_svg_has_the_layers_of_a_map() -> None:
    root = ET.fromstring(write_svg(scene()))
    layers = {group.get("id"): group for group in root.findall(f"{SVG}g")}
    assert {"sea", "graticule", "land", "borders", "regions", "labels", "legend"} <= set(layers)
    assert len(layers["regions"].findall(f"{SVG}circle")) == len(failed().sites)
    names = {text.text for text in layers["labels"].iter(f"{SVG}text")}
    assert {"Frankfurt", "São Paulo", "Sydney"} <= names
    crosses = [path for path in layers["regions"] if path.get("class") == "cross"]
    assert len(crosses) == 2  # two lines through the region that failed


def test_moved_cells_are_dotted_in_the_colour_of_who_had_them() -> None:
    styles = scene().styles
    dotted = {style.fill.dots for style in styles.values() if style.fill and style.fill.dots}
    failed_colour = styles["group0"].fill
    assert failed_colour is not None
    assert failed_colour.colour in dotted


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(800, None), (700, 500)])
def test_a_png_has_the_size_that_was_asked_for(theme: str, width: int, height: int | None) -> None:
    image_module = pytest.importorskip("PIL.Image", reason="of the extra map")
    form = Format(width, height, "dark" if theme == "dark" else "light")
    drawn = scene(form)
    image = image_module.open(io.BytesIO(write_png(drawn)))
    assert image.size == (width, height or drawn.height)
    colours = image.convert("RGB").getcolors(1 << 24)
    assert len(colours) > 1000  # it is no empty sheet
    paper = (255, 255, 255) if theme == "light" else (15, 20, 26)
    assert image.convert("RGB").getpixel((1, 1)) == paper


def test_svg_and_png_have_the_same_colours_at_the_same_places() -> None:
    image_module = pytest.importorskip("PIL.Image", reason="of the extra map")
    drawn = scene(Format(800))
    image = image_module.open(io.BytesIO(write_png(drawn))).convert("RGB")
    for shape in drawn.layers["legend"]:
        if isinstance(shape, Swatch):
            fill = drawn.styles[shape.style].fill
            assert fill is not None
            if fill.dots is None and fill.stripes is None:
                middle = round(shape.x + shape.width / 2), round(shape.y + shape.height / 2)
                assert "#{:02x}{:02x}{:02x}".format(*image.getpixel(middle)) == fill.colour


def test_a_png_with_a_font_that_is_none_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="of the extra map")
    (tmp_path / "no.ttf").write_bytes(b"no font")
    with pytest.raises(PngError, match=r"no\.ttf: no font that can be read"):
        write_png(scene(Format(800)), tmp_path / "no.ttf")


def test_what_has_no_room_is_refused_with_what_would_have() -> None:
    with pytest.raises(SizeError, match="480x360"):
        draw(failed(), WORDS, Format(300))


@given(
    st.lists(
        st.tuples(
            st.floats(20, 780), st.floats(20, 380), st.text("abcdefg-1", min_size=1, max_size=14)
        ),
        max_size=30,
    )
)
def test_names_cover_neither_each_other_nor_a_dot(points: list[tuple[float, float, str]]) -> None:
    marks = [Mark(*point) for point in points]
    labels = [label for label in place_labels(marks, 5, 14, Box(0, 0, 800, 400)) if label]
    for one, other in itertools.combinations(labels, 2):
        assert not one.box.meets(other.box)
    for label in labels:
        dots = [mark for mark in marks if label.box.meets(Box(*mark[:2], *mark[:2]))]
        assert not dots
        assert label.box.left >= 0
        assert label.box.right <= 800


def test_a_name_with_room_gets_one_next_to_its_dot() -> None:
    (label,) = place_labels([Mark(400, 200, "Frankfurt")], 5, 14, Box(0, 0, 800, 400))
    assert label is not None
    assert label.leader is None
    assert (label.anchor, label.x > 405) == ("start", True)


@given(st.text(max_size=40), st.floats(20, 300))
def test_a_shortened_text_has_room(text: str, room: float) -> None:
    found = shortened(text, 14, room)
    assert width_of(found, 14) <= room or found == "…"
    if width_of(text, 14) <= room:
        assert found == text


def test_paths_are_exact_to_a_tenth_of_a_pixel() -> None:
    """Relative steps do not drift, however long a coast is."""
    drawn = scene()
    root = ET.fromstring(write_svg(drawn))
    paths = {path.get("id"): path.get("d", "") for path in root.iter(f"{SVG}path")}
    uses = root.findall(f"{SVG}g[@id='borders']/{SVG}use")
    assert len(uses) == len(drawn.layers["borders"])
    for use, area in zip(uses, drawn.layers["borders"], strict=True):
        assert isinstance(area, Area)
        subpaths = paths[use.get("href", "")[1:]].split("z")[:-1]
        for subpath, ring in zip(subpaths, area.rings, strict=True):
            numbers = [float(n) for n in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", subpath)]
            points = np.cumsum(np.reshape(numbers, (-1, 2)), axis=0)
            apart = np.abs(ring[:, None] - points[None]).max(axis=-1)
            assert apart.min(axis=1).max() < 0.051
            assert apart.min(axis=0).max() < 0.051
