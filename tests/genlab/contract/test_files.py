"""Files of a model are plain files of a bounded size."""

import os
import sys
from pathlib import Path

import pytest

from genlab.contract.errors import ContractError
from genlab.contract.files import read_bytes
from genlab.runtime.check import check
from tests.toys import points

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="no pipes among files there")


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_bytes(tmp_path, "a", 5) == b"12345"
    with pytest.raises(ContractError, match="at most 4 bytes, found 5 bytes"):
        read_bytes(tmp_path, "a", 4)
    with pytest.raises(ContractError, match="a readable file, found No such file"):
        read_bytes(tmp_path, "b")
    with pytest.raises(ContractError, match=r"a plain file|a readable file"):
        read_bytes(tmp_path.parent, tmp_path.name)


@POSIX
@pytest.mark.parametrize("name", ["card.json", "decode.onnx", "check.npz"])
@pytest.mark.parametrize("kind", ["pipe", "device", "link"])
def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path, name: str, kind: str) -> None:
    folder = tmp_path / points.gan("toy-gan", [1, 1], [0, 0], [1, 1], 0.0).publish(tmp_path)
    path, moved = folder / name, tmp_path / "elsewhere"
    path.rename(moved)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(moved if kind == "link" else "/dev/zero")
    with pytest.raises(ContractError, match="a plain file"):
        check(folder)
