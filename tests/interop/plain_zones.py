"""Zones without services, one a child inside its parent, and questions about all their corners."""

from __future__ import annotations

from collections.abc import Iterator

PARENT = """\
$ORIGIN diff.test.
$TTL 300
@           900  IN SOA ns1 admin 7 3600 600 604800 60
@                IN NS  ns1
@                IN NS  ns2.elsewhere.test.
@                IN MX  10 mail
@                IN TXT "apex"
@                IN A   192.0.2.1
ns1              IN A   192.0.2.53
ns1              IN AAAA 2001:db8::53
mail        60   IN A   192.0.2.25
Upper            IN A   192.0.2.7
many             IN A   192.0.2.11
many             IN A   192.0.2.12
many             IN A   192.0.2.13
deep.empty       IN TXT "x"
a.b.c.d.e        IN A   192.0.2.30
service._tcp     IN SRV 0 5 443 mail
_dmarc           IN TXT "v=DMARC1; p=none" "second string"
caa              IN CAA 0 issue "ca.example.net"
unknown          IN TYPE65280 \\# 4 01020304
secure           IN HTTPS 1 . alpn=h2
to-mail          IN CNAME mail
to-to-mail  120  IN CNAME to-mail
to-nothing       IN CNAME nothing
to-outside       IN CNAME www.elsewhere.test.
to-wild          IN CNAME any.wild
to-empty         IN CNAME empty
to-child         IN CNAME www.child
to-kid           IN CNAME www.kid
to-apex          IN CNAME @
to-old           IN CNAME host.old
loop-a           IN CNAME loop-b
loop-b           IN CNAME loop-a
*.wild           IN A   192.0.2.99
*.wild           IN MX  5 mail
sub.wild         IN TXT "stops the wildcard"
below.gap.wild   IN TXT "makes gap.wild exist"
*.alias          IN CNAME mail
*.chain          IN CNAME x.wild
*.self           IN CNAME x.self
*.text           IN TXT "*"
*.*.stars        IN A   192.0.2.98
old              IN DNAME new
host.new         IN A   192.0.2.77
*.new            IN A   192.0.2.78
away             IN DNAME away.elsewhere.test.
beside           IN DNAME new
beside           IN TXT "beside a DNAME"
child            IN NS  ns.child
child            IN NS  ns2.elsewhere.test.
ns.child         IN A   192.0.2.54
signed           IN NS  ns.signed
signed           IN DS  12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
ns.signed        IN A   192.0.2.55
lame             IN NS  ns3.elsewhere.test.
sibling          IN NS  ns.child
far              IN NS  ns1
deep.cut.far2    IN NS  ns1
kid              IN NS  ns.kid
kid              IN DS  4711 13 2 FEDCBA9876543210FEDCBA9876543210FEDCBA9876543210FEDCBA9876543210
ns.kid           IN A   192.0.2.56
"""
CHILD = """\
$ORIGIN kid.diff.test.
$TTL 200
@           400  IN SOA ns admin 9 3600 600 604800 900
@                IN NS  ns
ns               IN A   192.0.2.56
www              IN A   192.0.2.57
*.wild           IN TXT "kid's"
up               IN CNAME www.diff.test.
"""
RENAMED = """\
$ORIGIN renamed.test.
$TTL 500
@                IN SOA ns1.elsewhere.test. admin 3 3600 600 604800 700
@                IN NS  ns1.elsewhere.test.
@                IN DNAME somewhere.elsewhere.test.
@                IN MX  10 mail.elsewhere.test.
"""
ZONES = {"diff.test": PARENT, "kid.diff.test": CHILD, "renamed.test": RENAMED}
TYPES = ("A", "AAAA", "NS", "SOA", "MX", "TXT", "CNAME", "DS", "SRV", "DNAME", "HTTPS", "TYPE65280")
_OUTSIDE = (".", "test", "elsewhere.test", "www.elsewhere.test", "xdiff.test", "diff.test.example")
_LONG = ".".join(("l" * 63, "o" * 63, "n" * 63, "g" * 45))
_LABELS = ("x", "*", "a.b", "ns", "old", "_tcp")


def names() -> Iterator[str]:
    """Names in, under, between and outside of the zones; each once."""
    seen = set()
    for name in _names():
        if name not in seen:
            seen.add(name)
            yield name


def _names() -> Iterator[str]:
    yield from _OUTSIDE
    # A DNAME makes them too long, or just not.
    yield from (f"{_LONG[cut:]}.away.diff.test" for cut in (0, 1, 3, 4, 5, 9))
    for origin, text in ZONES.items():
        for line in text.splitlines():
            owner = line.split()[0]
            if owner.startswith("$"):
                continue
            name = origin if owner == "@" else f"{owner}.{origin}"
            yield name
            yield from (f"{label}.{name}" for label in _LABELS)
            labels = name.split(".")
            yield from (".".join(labels[start:]) for start in range(1, len(labels)))
            yield ".".join(["other", *labels[1:]])
            yield name.swapcase()
