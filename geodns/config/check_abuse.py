"""Rules for cookies and limits: secrets are there, and in one place."""

from __future__ import annotations

from collections.abc import Iterator

from geodns.config.abuse import SecretError, read_secrets
from geodns.config.sources import Rule, Sources
from geodns.problem import Problem


def cookie_secrets(sources: Sources) -> Iterator[Problem]:
    """A file of secrets can be read and has secrets in it; there are none beside it."""
    document, cookies = sources.server.document, sources.server.settings.cookies
    if cookies.secret_file is None:
        return
    if cookies.secrets:
        yield document.problem(
            "two-secrets",
            "there are secrets here and a file of secrets; write only one of them",
            ("cookies", "secrets"),
        )
    try:
        read_secrets(cookies)
    except SecretError as error:
        yield document.problem("bad-secret-file", str(error), ("cookies", "secret_file"))


ABUSE_RULES: tuple[Rule, ...] = (cookie_secrets,)
