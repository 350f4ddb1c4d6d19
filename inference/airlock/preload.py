"""Load and use, once, before the first fork, what every child would otherwise load for itself."""

import codecs
import io

import imagecodecs
import numpy as np
from PIL import Image
from pydicom import config
from pydicom.charset import python_encoding

from inference.airlock.operations import decode, render

_SIDE = 64


def preload() -> None:
    """Load the codecs of pictures and texts. The bytes that are opened here are made here."""
    config.settings.reading_validation_mode = config.RAISE  # a text that does not decode is refused
    for name in set(python_encoding.values()):
        codecs.lookup(name)
    ramp = np.add.outer(np.arange(_SIDE), np.arange(_SIDE)).astype(np.uint8)
    imagecodecs.jpegls_decode(imagecodecs.jpegls_encode(ramp))
    imagecodecs.jpeg2k_decode(imagecodecs.jpeg2k_encode(ramp))
    imagecodecs.jpeg8_decode(imagecodecs.jpeg8_encode(ramp))
    turned = Image.Exif()
    turned[0x0112] = 6  # Orientation
    for kind, options in (("PNG", {}), ("JPEG", {"exif": turned})):
        buffer = io.BytesIO()
        Image.fromarray(ramp).save(buffer, kind, **options)
        picture = memoryview(buffer.getvalue())
        decode(picture, {"size": _SIDE})
        render(picture, {"format": kind.lower()})
