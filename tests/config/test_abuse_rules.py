"""Limits and cookies in the configuration: what is wrong with them, and where."""

from __future__ import annotations

from pathlib import Path

import pytest
from configfolder import SERVER, found, problems, write

from geodns.config.abuse import Cookies, SecretError, read_secrets

ONE, TWO = "00112233445566778899aabbccddeeff", "FFEEDDCCBBAA99887766554433221100"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cookies: {answer: false}", []),
        (f"cookies: {{secrets: ['{ONE}', '{TWO}']}}", []),
        (f"cookies: {{secrets: ['{ONE}', '{TWO}', '{ONE}']}}", ["bad-value"]),
        ("cookies: {secrets: [abc]}", ["bad-value"]),
        ("cookies: {secret_file: nowhere}", ["bad-secret-file"]),
        (f"cookies: {{secrets: ['{ONE}'], secret_file: good}}", ["two-secrets"]),
        ("cookies: {secret_file: good}", []),
        ("cookies: {secret_file: bad}", ["bad-secret-file"]),
        ("cookies: {secret_file: empty}", ["bad-secret-file"]),
        ("rate_limit: {responses_per_second: 50, exempt: [10.0.0.0/8, '2001:db8::/32']}", []),
        ("rate_limit: {responses_per_second: -1}", ["bad-value"]),
        ("rate_limit: {exempt: [10.0.0.1/8]}", ["bad-value"]),
        ("rate_limit: {ipv4_prefix: 33}", ["bad-value"]),
        ("rate_limit: {rate: 5}", ["unknown-key"]),
    ],
)
def test_limits_and_secrets_are_checked(tmp_path: Path, text: str, expected: list[str]) -> None:
    (tmp_path / "good").write_text(f"{ONE}\n{TWO}\n")
    (tmp_path / "bad").write_text(f"{ONE}\nsecret-but-wrong\n")
    (tmp_path / "empty").write_text("\n")
    server = write(tmp_path, server=f"{SERVER}{text}\n")
    in_server = [id for file, id, _, _ in found(server) if file == "geodns.yaml"]
    assert in_server == expected


def test_no_message_repeats_a_secret(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("secret-but-wrong\n")
    for text in ("{secrets: [secret-but-wrong]}", "{secret_file: bad}"):
        (problem,) = problems(write(tmp_path, server=f"{SERVER}cookies: {text}\n"))
        assert "secret-but-wrong" not in str(problem)
        assert "32 hexadecimal digits" in problem.message


def test_secrets_are_read_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text(f"{ONE}\n{TWO}\n")
    expected = (bytes.fromhex(ONE), bytes.fromhex(TWO))
    assert read_secrets(Cookies(secret_file=file)) == expected
    assert read_secrets(Cookies(secrets=(ONE, TWO))) == expected
    assert read_secrets(Cookies()) == ()
    assert read_secrets(Cookies(answer=False, secret_file=tmp_path / "nowhere")) == ()
    with pytest.raises(SecretError, match="nowhere can't be used: No such file"):
        read_secrets(Cookies(secret_file=tmp_path / "nowhere"))
