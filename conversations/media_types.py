"""What bytes are, whatever they are called; and pictures drawn anew, so that nothing travels inside them."""

import io
from dataclasses import dataclass

from PIL import Image, ImageOps, ImageSequence

MEGABYTE = 1_000_000
MOST_IMAGE_BYTES, MOST_OTHER_BYTES = 5 * MEGABYTE, 500_000
MOST_PIXELS = 40_000_000
MOST_FRAMES = 200
LONGEST_SIDE = 2_400  # of a picture that has to become smaller
_QUALITY = 88
_FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
EXTENSIONS = {
    "image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "application/pdf": "pdf",
    "text/vcard": "vcf", "video/mp4": "mp4", "video/3gpp": "3gp", "audio/mpeg": "mp3",
    "audio/amr": "amr", "audio/ogg": "ogg", "audio/mp4": "m4a", "application/octet-stream": "bin",
}  # fmt: skip
OUTGOING = frozenset({"image/jpeg", "image/png", "image/gif", "application/pdf", "text/vcard", "video/mp4",
                      "audio/mpeg"})  # fmt: skip
"""What may be sent: all that American carriers take."""
OTHER = "application/octet-stream"


class NotTaken(Exception):
    """A file that cannot be sent or kept; the words say why and what to do."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Bytes as they are kept, and what they are."""

    data: bytes
    content_type: str
    width: int | None = None
    height: int | None = None


def sniff(data: bytes) -> str:
    """The type that the first bytes give away; `application/octet-stream` for everything else.

    Pages and drawings with scripts (HTML, SVG) are everything else on purpose.
    """
    head = data[:16]
    for magic, kind in (
        (b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"), (b"%PDF-", "application/pdf"), (b"ID3", "audio/mpeg"),
        (b"\xff\xfb", "audio/mpeg"), (b"\xff\xf3", "audio/mpeg"), (b"#!AMR", "audio/amr"),
        (b"OggS", "audio/ogg"),
    ):  # fmt: skip
        if head.startswith(magic):
            return kind
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return "video/3gpp" if brand.startswith(b"3g") else "audio/mp4" if brand == b"M4A " else "video/mp4"
    first = data[:4096].lstrip(b"\xef\xbb\xbf \r\n")
    return "text/vcard" if first[:11].upper() == b"BEGIN:VCARD" else OTHER


def outgoing(data: bytes, name: str) -> Taken:
    """What would be sent of an uploaded file: a picture is drawn anew, which leaves the place and the camera
    behind. Raises NotTaken."""
    kind = sniff(data)
    if not data:
        raise NotTaken(f"“{name}” is empty.")
    if kind.startswith("image/"):
        return redrawn(data, name)
    if kind not in OUTGOING:
        raise NotTaken(
            f"“{name}” is no file that phones show. Choose a picture (JPEG, PNG, GIF), or a short PDF, "
            "contact card, video (MP4) or sound (MP3)."
        )
    if len(data) > MOST_OTHER_BYTES:
        raise NotTaken(
            f"“{name}” has {len(data) / 1000:,.0f} kB. Carriers take {MOST_OTHER_BYTES // 1000} kB at most "
            "of anything that is no picture."
        )
    return Taken(data, kind)


def redrawn(data: bytes, name: str) -> Taken:
    """A picture with its pixels alone, upright, of at most 5 MB. Raises NotTaken."""
    if len(data) > 4 * MOST_IMAGE_BYTES:
        raise NotTaken(f"“{name}” has {len(data) / MEGABYTE:,.0f} MB. Choose a picture of at most 5 MB.")
    try:
        with Image.open(io.BytesIO(data), formats=tuple(_FORMATS)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise NotTaken(f"“{name}” has too many pixels: {picture.width:,} × {picture.height:,}.")
            if picture.format == "GIF" and getattr(picture, "n_frames", 1) > 1:
                return _animation(picture, name)
            return _still(ImageOps.exif_transpose(picture), picture.format == "JPEG", name)
    except NotTaken:
        raise
    except Exception as error:  # whatever a hostile file makes of the decoder
        raise NotTaken(f"“{name}” cannot be read as a picture. Save it anew as JPEG or PNG.") from error


def _still(picture: Image.Image, photo: bool, name: str) -> Taken:
    clear = "A" in picture.getbands() or "transparency" in picture.info
    drawn = picture.convert("RGBA" if clear else "RGB")
    data = _saved(drawn, "JPEG" if photo and not clear else "PNG")
    if len(data) > MOST_IMAGE_BYTES:
        drawn = drawn.convert("RGB")
        drawn.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        data = _saved(drawn, "JPEG")
    if len(data) > MOST_IMAGE_BYTES:
        raise NotTaken(f"“{name}” stays above 5 MB however it is saved. Choose a smaller picture.")
    return Taken(data, sniff(data), drawn.width, drawn.height)


def _saved(picture: Image.Image, form: str) -> bytes:
    out = io.BytesIO()
    plain = Image.new(picture.mode, picture.size)  # nothing but pixels: no EXIF, no comments, no profiles
    plain.paste(picture)
    plain.save(out, form, optimize=True, **({"quality": _QUALITY} if form == "JPEG" else {}))
    return out.getvalue()


def _animation(picture: Image.Image, name: str) -> Taken:
    frames, spans = list[Image.Image](), list[int]()
    for frame in ImageSequence.Iterator(picture):
        if len(frames) == MOST_FRAMES or (len(frames) + 1) * picture.width * picture.height > 2 * MOST_PIXELS:
            raise NotTaken(f"“{name}” is too long an animation.")
        plain = Image.new("RGBA", frame.size)
        plain.paste(frame.convert("RGBA"))
        frames.append(plain)
        spans.append(int(frame.info.get("duration", 100)) or 100)
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=spans, loop=0, disposal=2)
    if len(out.getvalue()) > MOST_IMAGE_BYTES:
        raise NotTaken(f"“{name}” is an animation of more than 5 MB. Choose a smaller one.")
    return Taken(out.getvalue(), "image/gif", picture.width, picture.height)
