"""A checkpoint that a visitor kept elsewhere: chosen as a file or pasted."""

from api.web.forms import Form

_LARGEST = 16 << 10
"""Characters; a checkpoint has some hundreds, and it goes into an address."""
_BYTE_ORDER = b"\xef\xbb\xbf"


def kept_note(form: Form) -> bytes:
    """What was chosen or else pasted, with the line ends that were signed; empty for neither."""
    files = form.files("file")
    raw = files[0].file.read(_LARGEST + 1) if files else form.text("kept").encode()
    lines = raw.removeprefix(_BYTE_ORDER).replace(b"\r\n", b"\n").strip()
    return lines[:_LARGEST] + b"\n" if lines else b""
