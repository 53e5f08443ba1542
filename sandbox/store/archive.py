"""Unpacking an app's archive, as installing it does."""

import tarfile
import zlib
from pathlib import Path

from sandbox.errors import SandboxError


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a .tar.gz into a folder, over what is there.

    Raises SandboxError if it is none, or holds anything but files and folders that stay inside.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar.getmembers():
                inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
                if not inside or not (member.isfile() or member.isdir()):
                    raise SandboxError(f"Cannot install {archive.name}: {member.name} is no file inside the app")
            # Python 3.11.2, Debian's, has no filters yet: the check above stands in; later ones warn without a filter.
            tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
            tar.extractall(folder)  # noqa: S202 (checked above)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise SandboxError(f"Cannot install {archive.name}: {error}") from error
