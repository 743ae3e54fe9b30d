"""What is packed in a file, by zipfile and gzip."""

from __future__ import annotations

import gzip
import io
import re
import zipfile

from . import Refused, require

LEVELS = 3


def unpacked(data: bytes) -> bytes:
    """The innermost member whose name comes last. Raises Refused."""
    for level in range(LEVELS + 1):
        require(data, "empty")
        require(not re.match(rb"[\xef\xbb\xbf\s]*<(!doctype html|html)", data[:512], re.IGNORECASE), "a page")
        try:
            if data.startswith(b"\x1f\x8b"):
                return gzip.decompress(data)
            if not data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"MZ")):
                return data
            require(level < LEVELS, "too deep")
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                names = sorted(entry.filename for entry in archive.infolist() if not entry.is_dir())
                require(names, "no entries")
                name = names[-1]
                data = archive.read(name)
        except Refused:
            raise
        except Exception as error:  # whatever zipfile makes of damaged bytes
            raise Refused(f"{type(error).__name__}: {error}") from error
        if not name.replace("\\", "/").rpartition("/")[2].lower().endswith((".zip", ".ex_", ".exe")):
            return data
    raise AssertionError
