"""A scene as PNG, drawn with Pillow: no browser, no X server, no system libraries."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geodns.atlas.scene import Area, Box, Disc, Line, Paint, Scene, Shape, Stroke, Style, Text
from geodns.errors import GeodnsError

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

_FINE = 3  # pixels drawn for each side of one that is kept, so that edges are smooth
# Of stripes and dots, turned by 45 degrees, to the next one to the right, in fine pixels; as svg.py
# has them, but for less than a third of a pixel.
_STRIPE, _DOT, _DOT_RADIUS = 25, 21, 3.45

# Where the font in Pillow lacks a letter: of these, the first that is installed and has them all.
_FONTS = (
    "Inter-Regular.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "Arial.ttf",
    "DejaVuSans.ttf",
    "NotoSansCJK-Regular.ttc",
    "PingFang.ttc",
)
_MISSING = "\uffff"  # no font has a letter for it


class PngError(GeodnsError):
    """A PNG can't be drawn here."""


def write_png(scene: Scene, font: Path | None = None) -> bytes:
    """The scene as the bytes of a PNG file; ``font`` is a TrueType or OpenType file.

    Raises PngError where Pillow is not installed or the font can't be read.
    """
    _pillow()
    letters = {letter for text in _texts(scene) for letter in text.text}
    stream = io.BytesIO()
    picture = _Canvas(scene, _Face(font, letters)).draw()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _pillow() -> ModuleType:
    try:
        import PIL
    except ImportError as error:
        hint = 'pip install "geodns[map]", or write an SVG with -o world.svg'
        raise PngError(f"PNG needs Pillow, which is not installed; {hint}") from error
    return PIL


def _texts(scene: Scene) -> list[Text]:
    return [s for shapes in scene.layers.values() for s in shapes if isinstance(s, Text)]


class _Face:
    """A typeface with all letters of a picture, in any size."""

    def __init__(self, file: Path | None, letters: set[str]) -> None:
        from PIL import ImageFont

        self._names = [str(file)] if file is not None else []
        self._found: dict[float, ImageFont.FreeTypeFont] = {}
        self._name: str | None = None
        if file is not None:
            self._name = str(file)
            try:
                ImageFont.truetype(self._name, 12)
            except OSError as error:
                raise PngError(f"{file}: no font that can be read: {error}") from error
        elif not self._has(letters):
            self._name = next((name for name in _FONTS if self._has(letters, name)), None)

    def of(self, size: float) -> ImageFont.FreeTypeFont:
        if size not in self._found:
            self._found[size] = self._load(size, self._name)
        return self._found[size]

    @staticmethod
    def _load(size: float, name: str | None) -> ImageFont.FreeTypeFont:
        from PIL import ImageFont

        font = ImageFont.truetype(name, size) if name else ImageFont.load_default(size)
        if not isinstance(font, ImageFont.FreeTypeFont):
            raise PngError("this Pillow was built without FreeType, which draws text")
        return font

    def _has(self, letters: set[str], name: str | None = None) -> bool:
        try:
            font = self._load(12, name)
        except OSError:
            return False
        missing = bytes(font.getmask(_MISSING))
        return all(letter.isspace() or bytes(font.getmask(letter)) != missing for letter in letters)


class _Canvas:
    """Draws shapes in large, and texts on the picture in its own size, where they are sharp."""

    def __init__(self, scene: Scene, face: _Face) -> None:
        from PIL import Image, ImageDraw

        self._scene, self._face = scene, face
        self._size = scene.width * _FINE, scene.height * _FINE
        self._image = Image.new("RGB", self._size, "#ffffff")
        self._draw = ImageDraw.Draw(self._image)
        self._masks: dict[int, Image.Image] = {}
        self._textures: dict[str, Image.Image] = {}

    def draw(self) -> Image.Image:
        from PIL import ImageDraw

        for shapes in self._scene.layers.values():
            for shape in shapes:
                self._shape(shape)
        picture = self._image.reduce(_FINE)
        pen = ImageDraw.Draw(picture)
        for text in _texts(self._scene):
            self._text(pen, text)
        return picture

    def _shape(self, shape: Shape) -> None:
        if isinstance(shape, Text):
            return
        style = self._scene.styles[shape.style]
        match shape:
            case Area():
                self._area(shape, style)
            case Stroke():
                self._line(shape.points, style)
            case Disc():
                x, y, r = shape.x * _FINE, shape.y * _FINE, shape.radius * _FINE
                self._draw.ellipse(
                    (x - r, y - r, x + r, y + r),
                    fill=style.fill.colour if style.fill else None,
                    outline=style.stroke,
                    width=self._width(style) if style.stroke else 0,
                )
            case Box():
                self._box(shape, style)

    def _area(self, area: Area, style: Style) -> None:
        if style.fill is not None:
            left, top, mask = self._mask(area)
            self._paint(style.fill, left, top, mask)
        if style.stroke is not None:
            for ring in area.rings:
                self._line(np.concatenate([ring, ring[:1]]), style)

    def _mask(self, area: Area) -> tuple[int, int, Image.Image]:
        """White where the area is, cropped to it, and the crop's left top corner."""
        from PIL import Image, ImageChops, ImageDraw

        frame = area.rings if area.within is None else area.within.rings
        left, top, right, bottom = self._frame(frame)
        mask = Image.new("L", (right - left, bottom - top), 0)
        pen = ImageDraw.Draw(mask)
        for ring, is_land in _largest_first(area.rings):
            points = (ring * _FINE - [left, top]).ravel().tolist()
            pen.polygon(points, fill=255 if is_land else 0)
        if area.within is not None:
            mask = ImageChops.multiply(mask, self._mask(area.within)[2])
        return left, top, mask

    def _frame(self, rings: Sequence[Line]) -> tuple[int, int, int, int]:
        points = np.concatenate(rings) * _FINE
        low = np.maximum(np.floor(points.min(axis=0)).astype(int) - 1, 0)
        high = np.minimum(np.ceil(points.max(axis=0)).astype(int) + 2, self._size)
        high = np.maximum(high, low + 1)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def _paint(self, paint: Paint, left: int, top: int, mask: Image.Image) -> None:
        from PIL import ImageChops

        frame = (left, top, left + mask.width, top + mask.height)
        self._image.paste(paint.colour, frame, mask)
        for kind, colour in (("stripes", paint.stripes), ("dots", paint.dots)):
            if colour is not None:
                texture = self._texture(kind).crop(frame)
                self._image.paste(colour, frame, ImageChops.multiply(mask, texture))

    def _texture(self, kind: str) -> Image.Image:
        """Stripes or dots over the whole picture."""
        from PIL import Image

        if kind not in self._textures:
            tile = _stripes() if kind == "stripes" else _dots()
            width, height = self._size
            times = -(-height // len(tile)), -(-width // len(tile))
            drawn = np.tile(tile, times)[:height, :width]
            self._textures[kind] = Image.fromarray(drawn.astype(np.uint8) * 255)
        return self._textures[kind]

    def _line(self, points: Line, style: Style) -> None:
        if style.stroke is None:
            return
        flat = (points * _FINE).ravel().tolist()
        self._draw.line(flat, fill=style.stroke, width=self._width(style), joint="curve")

    @staticmethod
    def _width(style: Style) -> int:
        return max(1, round(style.width * _FINE))

    def _box(self, box: Box, style: Style) -> None:
        from PIL import Image, ImageDraw

        left, top = round(box.x * _FINE), round(box.y * _FINE)
        size = round(box.width * _FINE), round(box.height * _FINE)
        corner = (0, 0, size[0] - 1, size[1] - 1)
        if style.fill is not None:
            mask = Image.new("L", size, 0)
            ImageDraw.Draw(mask).rounded_rectangle(corner, box.radius * _FINE, fill=255)
            self._paint(style.fill, left, top, mask)
        if style.stroke is not None:
            self._draw.rounded_rectangle(
                (left, top, left + size[0], top + size[1]),
                box.radius * _FINE,
                outline=style.stroke,
                width=self._width(style),
            )

    def _text(self, pen: ImageDraw.ImageDraw, text: Text) -> None:
        font = self._scene.fonts[text.font]
        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[text.anchor]
        where, face = (text.x, text.y), self._face.of(font.size)
        weight = font.size / 50 if font.bold else 0  # the typeface has one weight
        if font.halo is not None:
            rim = font.size / 8 + weight
            pen.text(
                where, text.text, font.halo, face, anchor, stroke_width=rim, stroke_fill=font.halo
            )
        pen.text(
            where,
            text.text,
            font.colour,
            face,
            anchor,
            stroke_width=weight,
            stroke_fill=font.colour,
        )


def _stripes() -> NDArray[np.bool_]:
    """A square that can be repeated."""
    x, y = np.meshgrid(np.arange(_STRIPE), np.arange(_STRIPE))
    return np.asarray((x + y) % _STRIPE < _STRIPE // 2)


def _dots() -> NDArray[np.bool_]:
    """A square that can be repeated: a dot in the middle, and a quarter of one in each corner."""
    x, y = np.meshgrid(np.arange(_DOT), np.arange(_DOT))
    middle = (_DOT - 1) / 2
    to_middle = np.hypot(x - middle, y - middle)
    to_corner = np.hypot(np.minimum(x, _DOT - x), np.minimum(y, _DOT - y))
    return np.asarray(np.minimum(to_middle, to_corner) < _DOT_RADIUS)


def _largest_first(lines: Sequence[Line]) -> list[tuple[Line, bool]]:
    """Rings with whether they are land: what turns as the largest one does."""
    areas = [_area_of(line) for line in lines]
    order = sorted(range(len(lines)), key=lambda number: -abs(areas[number]))
    outer = areas[order[0]] > 0
    return [(lines[number], (areas[number] > 0) == outer) for number in order]


def _area_of(line: Line) -> float:
    x, y = line.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)
