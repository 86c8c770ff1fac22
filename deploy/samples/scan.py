"""Prints a page and scans it: what paper, toner, glass, lamp and feeder do to a picture.

All of it follows from the paper's name: the same page gives the same scan each time.
"""

import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

_PAPERS = ((250, 248, 240), (247, 247, 244), (252, 249, 236), (244, 246, 247))
"""White as it comes back from paper under a lamp."""


def scanned(page: Image.Image, *, paper: str, n: int, skew: float) -> Image.Image:
    """Page `n` as a scanner gives it, of the same size; `paper` names what the pages share."""
    shared = random.Random(paper)  # noqa: S311
    white = shared.choice(_PAPERS)
    casts = [shared.uniform(0.965, 1.0) for _ in range(3)]
    chance = random.Random(f"{paper}/{n}")  # noqa: S311
    sheet = _printed(page, white, chance)
    sheet = _turned(sheet, skew + chance.uniform(-0.12, 0.12), chance)
    sheet = _lit(sheet, casts, chance)
    sheet = _specked(sheet, chance)
    return _grained(sheet, chance)


def _printed(page: Image.Image, white: tuple[int, int, int], chance: random.Random) -> Image.Image:
    """Toner spreads a little, is thin in places, and the sheet is not white."""
    soft = page.filter(ImageFilter.GaussianBlur(chance.uniform(0.45, 0.75)))
    patches = _noise((page.width // 24 + 1, page.height // 24 + 1), chance)
    thin = patches.resize(page.size, Image.Resampling.BICUBIC).point(lambda v: v // 7)
    faded = ImageChops.add(soft, Image.merge("RGB", (thin, thin, thin)))
    return ImageChops.multiply(faded, Image.new("RGB", page.size, white))


def _turned(sheet: Image.Image, degrees: float, chance: random.Random) -> Image.Image:
    """The feeder takes the sheet askew; beside it the lid of the scanner is seen."""
    lid = tuple(chance.randint(214, 228) for _ in range(3))
    shift = (chance.randint(-6, 6), chance.randint(-6, 6))
    return sheet.rotate(-degrees, Image.Resampling.BICUBIC, translate=shift, fillcolor=lid)


def _lit(sheet: Image.Image, casts: list[float], chance: random.Random) -> Image.Image:
    """Darker towards the edges, and a tint of the lamp that differs between the channels."""
    fall = ImageOps.invert(Image.radial_gradient("L")).point(lambda v: 255 - (255 - v) // 11)
    vignette = fall.resize(sheet.size, Image.Resampling.BILINEAR)
    slope = Image.linear_gradient("L").rotate(chance.choice((0, 90, 180, 270)))
    side = slope.point(lambda v: 255 - v // 26).resize(sheet.size, Image.Resampling.BILINEAR)
    light = ImageChops.multiply(vignette, side)
    lit = ImageChops.multiply(sheet, Image.merge("RGB", (light, light, light)))
    channels = [
        channel.point([min(255, round(v * cast)) for v in range(256)])
        for channel, cast in zip(lit.split(), casts, strict=True)
    ]
    return Image.merge("RGB", channels)


def _specked(sheet: Image.Image, chance: random.Random) -> Image.Image:
    """Dust on the glass, and two holes where the dossier was bound."""
    pen = ImageDraw.Draw(sheet, "RGBA")
    for _ in range(chance.randint(14, 34)):
        x, y = chance.randrange(sheet.width), chance.randrange(sheet.height)
        radius = chance.uniform(0.5, 1.7) * sheet.width / 1654
        shade = chance.randint(70, 150)
        pen.ellipse([x - radius, y - radius, x + radius, y + radius], (shade, shade, shade, 150))
    hole, left = sheet.width * 0.013, sheet.width * 0.045
    for share in (0.42, 0.58):
        middle = sheet.height * share
        rim = [left - hole, middle - hole, left + hole, middle + hole]
        pen.ellipse(rim, (203, 201, 196, 255))
        pen.arc(rim, 150, 330, (128, 126, 122, 255), 2)
    return sheet


def _grained(sheet: Image.Image, chance: random.Random) -> Image.Image:
    """The noise of the sensor, a little different in each colour."""
    channels = []
    for channel in sheet.split():
        grain = _noise(sheet.size, chance).filter(ImageFilter.BoxBlur(0.6))
        channels.append(ImageChops.add(channel, grain.point(lambda v: v // 9), offset=-14))
    return Image.merge("RGB", channels)


def _noise(size: tuple[int, int], chance: random.Random) -> Image.Image:
    return Image.frombytes("L", size, chance.randbytes(size[0] * size[1]))
