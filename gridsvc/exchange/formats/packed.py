"""A file that is a packed one (zip, XLSX) in, nothing or a refusal out: what it says it unpacks to is bounded before anything is."""

import zipfile
from pathlib import Path

from gridsvc.core.errors import Invalid
from gridsvc.core.settings import settings

PACKED = (".zip", ".xlsx")
AT_MOST_TIMES = 4
"""So many times what may be sent may be unpacked of it."""
MEGABYTE = 1 << 20


def refuse_bomb(path: Path) -> None:
    """Refuse a packed file that unpacks to more than is read, or that is none; other files pass."""
    if not path.name.lower().endswith(PACKED):
        return
    most = AT_MOST_TIMES * settings().upload_mb
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(one.file_size for one in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise Invalid(f"{path.name} cannot be unpacked: {error}") from None
    if unpacked > most * MEGABYTE:
        raise Invalid(
            f"{path.name} unpacks to {unpacked // MEGABYTE:,} MB; at most {most:,} MB are read (GRIDSVC_UPLOAD_MB)."
        )
