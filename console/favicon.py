"""The console's icon, drawn here: Streamlit fetches its own icons for browser tabs from a server of Google."""

from __future__ import annotations

from functools import cache

from PIL import Image, ImageDraw

_SIDE = 64
_COLOUR = "#2f6fde"


@cache
def favicon() -> Image.Image:
    """Return a tag with a hole, on a transparent square."""
    image = Image.new("RGBA", (_SIDE, _SIDE))
    draw = ImageDraw.Draw(image)
    draw.polygon([(6, 30), (30, 6), (58, 6), (58, 34), (34, 58)], fill=_COLOUR)
    draw.ellipse((41, 13, 51, 23), fill=(0, 0, 0, 0))
    return image
