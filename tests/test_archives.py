"""An archive that would not fit is refused before it is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pipeline.archives import check_unpacked
from pipeline.schema import InputError


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as content:
        for name in ("one", "two"):
            content.writestr(name, bytes(600_000))
    return path


def test_the_members_together_count(archive: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        check_unpacked(content, archive, largest=1_200_000)
        with pytest.raises(InputError, match=r"bytes that unpack to 0\.0 GiB; at most"):
            check_unpacked(content, archive, largest=1_199_999)


def test_a_size_that_lies_hides_nothing(archive: Path) -> None:
    """What is relied on: of a member that holds more than it says, no more is read."""
    said, lie = (600_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(said, lie))
    with zipfile.ZipFile(archive) as content:
        check_unpacked(content, archive, largest=2_000)
        with pytest.raises(zipfile.BadZipFile), content.open("one") as member:  # noqa: PT012
            assert len(member.read()) <= 1_000
            raise zipfile.BadZipFile("no checksum was compared")
