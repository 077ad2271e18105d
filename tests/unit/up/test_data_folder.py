"""What `newar up` makes in its data folder, and what it says when it cannot."""

from __future__ import annotations

import base64
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ops.up.serve_all import Given, _check, _placeholders, token_key
from schema.runtime.settings import SettingsError


@contextmanager
def _full_disk() -> Iterator[None]:
    """Files can be made, and nothing written into them."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_key_that_did_not_fit_on_the_disk_is_made_again(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File too large"), _full_disk():
        token_key(tmp_path)
    key = token_key(tmp_path)
    assert len(base64.urlsafe_b64decode(key)) == 32
    assert token_key(tmp_path) == key
    assert (tmp_path / "token-encryption-key").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_is_told_with_the_folder_that_is_full(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"--data {tmp_path}: .*File too large"), _full_disk():
        _check(Given(), tmp_path, terminal=False)


def test_the_address_that_stands_for_the_local_database_asks_for_no_name_of_the_system_user() -> None:
    assert urlsplit(str(_placeholders(Given())["log_database_url"])).username
