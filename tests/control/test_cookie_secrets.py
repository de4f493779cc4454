"""Which cookie secrets are in use: those that are set, or one that is made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from geodns.config.abuse import Cookies, SecretError
from geodns.control.cookie_secrets import CookieSecrets

ONE = "00112233445566778899aabbccddeeff"


def test_without_a_secret_one_is_made_up_for_as_long_as_the_process_runs() -> None:
    first, second = CookieSecrets(), CookieSecrets()
    (secret,) = first.read(Cookies())
    assert len(secret) == 16
    assert first.renew(Cookies()) == (secret,)
    assert second.read(Cookies()) != (secret,)


def test_no_secrets_where_cookies_are_off() -> None:
    assert CookieSecrets().read(Cookies(answer=False, secrets=(ONE,))) == ()


def test_a_file_that_breaks_later_leaves_the_former_secrets(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    settings = Cookies(secret_file=file)
    secrets = CookieSecrets()
    with pytest.raises(SecretError):
        secrets.read(settings)
    file.write_text(ONE)
    assert secrets.read(settings) == (bytes.fromhex(ONE),)
    file.write_text("half of it")
    assert secrets.renew(settings) == (bytes.fromhex(ONE),)
