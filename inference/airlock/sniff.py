"""What a file is, by its first bytes. Names and declared types are not asked."""

from typing import Literal

from inference.airlock.refused import Refused

Kind = Literal["dicom", "png", "jpeg"]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"
PREAMBLE_BYTES = 128

_PROGRAMS = (
    (b"MZ", "MZ (Windows program)"),
    (b"\x7fELF", "ELF (Linux program)"),
    (b"\xfe\xed\xfa\xce", "Mach-O program"),
    (b"\xfe\xed\xfa\xcf", "Mach-O program"),
    (b"\xce\xfa\xed\xfe", "Mach-O program"),
    (b"\xcf\xfa\xed\xfe", "Mach-O program"),
    (b"\xca\xfe\xba\xbe", "Mach-O or Java program"),
    (b"\xca\xfe\xba\xbf", "Mach-O program"),
    (b"\xbe\xba\xfe\xca", "Mach-O program"),
    (b"\xbf\xba\xfe\xca", "Mach-O program"),
    (b"#!", "#! (script)"),
)
# For the words of the refusal only: what is not in the list of three is refused either way.
_KNOWN = (
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"RIFF", "WebP or RIFF"),
    (b"%PDF", "PDF"),
    (b"PK", "ZIP archive"),
    (b"\x1f\x8b", "gzip archive"),
    (b"Rar!", "RAR archive"),
    (b"7z\xbc\xaf", "7z archive"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000 outside DICOM"),
    (b"\xff\x4f\xff\x51", "JPEG 2000 outside DICOM"),
    (b"DICM", "DICOM without its preamble"),
)


def kind_of(data: memoryview) -> Kind:
    """Return what the file is.

    Parameters
    ----------
    data : memoryview
        The file, or at least its first 132 bytes.

    Raises
    ------
    Refused
        ``empty_file``, ``executable_preamble``, ``unsupported_type``.
    """
    head = bytes(data[: PREAMBLE_BYTES + 4])
    if not head:
        raise Refused("empty_file")
    if head[PREAMBLE_BYTES:] == b"DICM":
        refuse_programs(head)
        return "dicom"
    if head.startswith(PNG_SIGNATURE):
        return "png"
    if head.startswith(JPEG_SIGNATURE):
        return "jpeg"
    raise Refused("unsupported_type", found=name_of(head))


def refuse_programs(head: bytes) -> None:
    """Refuse a preamble that an operating system would run.

    Raises
    ------
    Refused
        ``executable_preamble``.
    """
    for magic, name in _PROGRAMS:
        if head.startswith(magic):
            raise Refused("executable_preamble", found=name)


def name_of(head: bytes) -> str:
    """Return a name for bytes of a type that is not taken."""
    for magic, name in (*_KNOWN, *_PROGRAMS):
        if head.startswith(magic):
            return name
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "HTML"
    if text.startswith((b"<svg", b"<?xml")):
        return "SVG or XML"
    return "text" if head.isascii() and b"\0" not in head else "unknown"
