"""The secrets of DNS cookies: those that are set, or one that is made up at each start."""

from __future__ import annotations

import logging
import secrets

from geodns.answer.cookies import SECRET_BYTES
from geodns.config.abuse import Cookies, SecretError, read_secrets

logger = logging.getLogger(__name__)


class CookieSecrets:
    """``in_use``: the first makes cookies, all are accepted; none where cookies are off."""

    def __init__(self) -> None:
        self._random = (secrets.token_bytes(SECRET_BYTES),)
        self.in_use: tuple[bytes, ...] = ()

    def read(self, settings: Cookies) -> tuple[bytes, ...]:
        """Takes those of a server that starts. Raises SecretError."""
        self.in_use = (read_secrets(settings) or self._random) if settings.answer else ()
        return self.in_use

    def renew(self, settings: Cookies) -> tuple[bytes, ...]:
        """Takes those of settings that changed, and keeps the former if they can't be read."""
        try:
            return self.read(settings)
        except SecretError as error:
            # The settings were checked a moment ago: the file is being written just now.
            logger.error("the former cookie secrets stay", extra={"reason": str(error)})  # noqa: TRY400
            return self.in_use
