"""The bytes of a photo in, the same picture as a plain JPEG and a thumbnail out, with nothing else in them; pure.

A photo carries where and by what it was taken, a thumbnail of what was cut off, and whatever a program hid in it. Only
its pixels are taken over, turned upright; EXIF, GPS, XMP, comments and colour profiles stay behind.
"""

import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from gridsvc.core.errors import Invalid

FORMATS = ("JPEG", "PNG", "WEBP")
"""What phones and browsers send; other readers of the library are never tried on what a stranger sends."""
MOST_PIXELS = 60_000_000
LONGEST_SIDE = 2560
THUMBNAIL_SIDE = 320
QUALITY = 85


@dataclass(frozen=True)
class Picture:
    """A photo as it is kept: JPEG bytes of it and of its thumbnail, and its size in pixels."""

    jpeg: bytes
    thumbnail: bytes
    width: int
    height: int


def picture_of(data: bytes) -> Picture:
    """Re-encode a photo; raises Invalid for what is no picture, is cut off, or would be too large when unpacked."""
    try:
        with warnings.catch_warnings():
            # A file of a few kilobytes may unpack to gigabytes; its size is looked at before any of it is.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise Invalid(f"The photo has {image.width} × {image.height} pixels, more than {MOST_PIXELS:,}.")
                if image.format == "JPEG":
                    image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
                upright = ImageOps.exif_transpose(image).convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Invalid(f"The photo is no picture that can be read; there are {', '.join(FORMATS)}.") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Invalid(f"The photo is damaged: {' '.join(str(error).split())[:200]}") from None
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    small = upright.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return Picture(_jpeg(upright), _jpeg(small), upright.width, upright.height)


def _jpeg(image: Image.Image) -> bytes:
    # A new picture of the bare pixels: what hung on the old one (`info`) is not even there to be written.
    bare = Image.frombytes("RGB", image.size, image.tobytes())
    out = io.BytesIO()
    bare.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()
