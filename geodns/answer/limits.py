"""Response rate limiting: a made-up source address gets only so many replies sent to its owner.

Nearly all traffic is far below any limit, so a packet pays for one look-up and one subtraction:
each host has the bucket of its prefix, which counts down, and no clock is read until it is empty.
Emptied within a second, the bucket becomes hot: from then on, each kind of reply to that prefix
has an account of its own, until nothing has been limited for a whole window.

An account earns ``responses_per_second`` each second and pays one for each reply; it holds no more
than one second's earnings, and owes no more than a window's. In debt, it gets nothing but every
``slip``-th reply cut short, with which a client that is real comes back by TCP.
"""

from __future__ import annotations

import enum
from collections.abc import Hashable
from ipaddress import ip_network
from typing import NamedTuple

from geodns.answer.cookies import packed_address

_MOST_HOSTS = 50_000
_MOST_KINDS = 1_000
_MOST_ACCOUNTS = 100_000
"""Of a network, and of all: about 200 bytes each. What comes after them shares one account."""
_NEVER = 1 << 62
_REST = "rest"


class LimitRules(NamedTuple):
    """``window`` is in seconds; ``slip`` 0 never slips, 1 always; prefixes are lengths in bits.

    ``most_prefixes`` bounds what is remembered. ``exempt`` networks are never limited.
    """

    responses_per_second: int
    slip: int = 2
    window: int = 15
    ipv4_prefix: int = 24
    ipv6_prefix: int = 56
    exempt: tuple[str, ...] = ()
    log_only: bool = False
    most_prefixes: int = 100_000


class Verdict(enum.Enum):
    """What becomes of a reply."""

    SEND = enum.auto()
    SLIP = enum.auto()
    DROP = enum.auto()


class _Account:
    __slots__ = ("balance", "second")

    def __init__(self, balance: int, second: int) -> None:
        self.balance = balance
        self.second = second


class Bucket:
    """A prefix. ``left`` counts down with each packet; below 0 it is time for ``Limiter.hot``."""

    __slots__ = ("accounts", "left", "limited", "limited_at", "prefix", "since")

    def __init__(self, prefix: bytes, left: int, since: int) -> None:
        self.prefix = prefix
        self.left = left
        self.since = since
        self.accounts: dict[Hashable, _Account] | None = None
        self.limited = 0
        self.limited_at = 0


class Limiter:
    """The buckets of one thread: an engine's own, but outliving it where an image is replaced.

    ``hosts`` is for the look-up; ``accounts`` is how many there are in all hot buckets.
    """

    def __init__(self, rules: LimitRules) -> None:
        self.rules = rules
        self.hosts: dict[str, Bucket] = {}
        self._prefixes: dict[bytes, Bucket] = {}
        self._exempt = Bucket(b"", _NEVER, 0)
        self._exempt_networks = tuple(map(ip_network, rules.exempt))
        self._hot: dict[bytes, Bucket] = {}
        self.accounts = 0
        self._swept = 0

    def admit(self, host: str, now: int) -> Bucket:
        """The bucket of a host that is not among ``hosts``, where it is from now on."""
        packed = packed_address(host)
        bits = self.rules.ipv4_prefix if len(packed) == 4 else self.rules.ipv6_prefix
        spare = 8 * len(packed) - bits
        number = int.from_bytes(packed, "big")
        prefix = (number >> spare << spare).to_bytes(len(packed), "big")
        bucket = self._prefixes.get(prefix)
        if self._is_exempt(number, len(packed)):
            bucket = self._exempt
        elif bucket is None:
            if len(self._prefixes) >= self.rules.most_prefixes:
                # Those that are being limited now stay so, however many others there are.
                self._prefixes = dict(self._hot)
                self.hosts.clear()
            bucket = Bucket(prefix, self.rules.responses_per_second, now)
            self._prefixes[prefix] = bucket
        if len(self.hosts) >= _MOST_HOSTS:
            self.hosts.clear()
        self.hosts[host] = bucket
        return bucket

    def hot(self, bucket: Bucket, now: int) -> bool:
        """Whether a bucket that is empty needs exact accounts; if not, it is full again."""
        rules = self.rules
        if bucket.accounts is not None:
            if 0 <= now - bucket.limited_at <= rules.window:
                return True
            self._cool(bucket)
        elif now == bucket.since:
            bucket.accounts = {}
            bucket.limited_at = now
            if len(self._hot) >= rules.most_prefixes // 2:
                self._sweep(now, everything=True)
            self._hot[bucket.prefix] = bucket
            return True
        bucket.left = rules.responses_per_second
        bucket.since = now
        return False

    def judge(self, bucket: Bucket, kind: Hashable, now: int) -> Verdict:
        """Charges a reply of a kind to a hot bucket."""
        rules, accounts = self.rules, bucket.accounts
        assert accounts is not None
        account = accounts.get(kind)
        if account is None:
            account = self._open(accounts, kind, now)
        if now != account.second:
            earned = rules.responses_per_second * max(0, now - account.second)
            account.balance = min(account.balance + earned, rules.responses_per_second)
            account.second = now
        account.balance = max(account.balance - 1, -rules.responses_per_second * rules.window)
        if account.balance >= 0:
            return Verdict.SEND
        bucket.limited += 1
        bucket.limited_at = now
        slips = rules.slip and bucket.limited % rules.slip == 0
        return Verdict.SLIP if slips else Verdict.DROP

    def _open(self, accounts: dict[Hashable, _Account], kind: Hashable, now: int) -> _Account:
        """A new account, or the one that all share for whom there are too many."""
        if self.accounts >= _MOST_ACCOUNTS and now != self._swept:
            self._sweep(now)
        if len(accounts) >= _MOST_KINDS or self.accounts >= _MOST_ACCOUNTS:
            kind = _REST
        account = accounts.get(kind)
        if account is None:
            account = accounts[kind] = _Account(self.rules.responses_per_second, now)
            self.accounts += 1
        return account

    def _sweep(self, now: int, *, everything: bool = False) -> None:
        """Forgets the accounts of networks that have gone silent."""
        self._swept = now
        for bucket in list(self._hot.values()):
            if everything or not 0 <= now - bucket.limited_at <= self.rules.window:
                self._cool(bucket)

    def _cool(self, bucket: Bucket) -> None:
        self._hot.pop(bucket.prefix, None)
        self.accounts -= len(bucket.accounts or ())
        bucket.accounts = None

    def limited(self, now: int) -> dict[str, int]:
        """How many replies to each prefix were limited, of those that are being limited now.

        Any thread may ask.
        """
        return {
            self._text(bucket.prefix): bucket.limited
            for bucket in list(self._hot.values())
            if bucket.limited and now - bucket.limited_at <= self.rules.window
        }

    def _is_exempt(self, number: int, size: int) -> bool:
        version = 4 if size == 4 else 6
        return any(
            network.version == version
            and number >> (network.max_prefixlen - network.prefixlen)
            == int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
            for network in self._exempt_networks
        )

    def _text(self, prefix: bytes) -> str:
        bits = self.rules.ipv4_prefix if len(prefix) == 4 else self.rules.ipv6_prefix
        return str(ip_network((prefix, bits)))
