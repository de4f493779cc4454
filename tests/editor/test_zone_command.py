"""``geodns zone``: every format there and back, differences, checks and lists."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import dns.name
import dns.rdatatype
import pytest
from commands import done, geodns, refused
from configfolder import SERVER, write
from octodns.provider.yaml import YamlProvider
from octodns.zone import Zone as OctodnsZone
from programs import program
from recordtypes import EXAMPLES
from running import RunningServer, free_port

from geodns.zone.content import Zone
from geodns.zone.load import load_zones

ORIGIN = dns.name.from_text("example.test.")
ONLY_MASTER = frozenset(("SOA",))


def master_of_everything() -> str:
    """A zone with every record type that there is, GEO, escapes and several TTLs."""
    lines = [
        "$ORIGIN example.test.",
        "@ 300 IN SOA ns.example.net. hostmaster 7 3600 600 604800 300",
        "@ 300 IN NS ns.example.net.",
        "www 30 IN GEO web",
        "plain IN GEO web",
        '* 60 IN TXT "semi;colon" ',
        'txt 60 IN TXT "quote \\" back\\\\slash \\000\\255"',
        'txt 60 IN TXT "Gr\\195\\188\\195\\159e" ',
        f'long 60 IN TXT "{"x" * 255}" "{"y" * 10}"',
        "a\\.b\\032c 60 IN A 192.0.2.1",
        "on 60 IN AAAA ::1",
        "1 60 IN TYPE65280 \\# 2 abcd",
    ]
    for number, (kind, value) in enumerate(EXAMPLES.items()):
        if kind != "SOA":
            lines.append(f"t{number} {number} IN {kind} {value}")
    return "\n".join(lines) + "\n"


def zone_in(folder: Path) -> Zone:
    zones, problems, _ = load_zones(folder, None)
    assert len(zones) == 1, problems
    return zones[0]


def plain(zone: Zone) -> dict[object, object]:
    found: dict[object, object] = {}
    for owner, node in zone.nodes.items():
        if node.geo is not None:
            found[owner, "GEO"] = (node.geo.ttl, node.geo.service)
        for rdtype, rdataset in node.rdatasets.items():
            found[owner, rdtype] = (rdataset.ttl, {rdata.to_wire() for rdata in rdataset})
    return found


@pytest.mark.parametrize("format", ["yaml", "master", "json"])
@pytest.mark.parametrize("target", ["yaml", "master"])
def test_every_record_type_goes_there_and_back(tmp_path: Path, format: str, target: str) -> None:
    first = write(tmp_path / "first", zone=None)
    (tmp_path / "first/zones").mkdir()
    (tmp_path / "first/zones/example.test.zone").write_text(master_of_everything())
    file = tmp_path / f"exported.{format}"
    told = geodns(first, "zone", "export", "example.test", "--format", format, "-o", str(file))
    assert told.exit_code == 0, told.output

    second = write(tmp_path / "second", zone=None)
    (tmp_path / "second/zones").mkdir()
    wanted = ["--zone", "example.test", "--format", format, "--as", target]
    done(second, "zone", "import", str(file), *wanted)
    theirs, ours = (
        plain(zone_in(tmp_path / "first/zones")),
        plain(zone_in(tmp_path / "second/zones")),
    )
    if "yaml" in {format, target}:
        # octoDNS knows one string, which is split at 255 bytes
        strings = (dns.name.from_text(f"t{list(EXAMPLES).index('TXT')}", ORIGIN), dns.rdatatype.TXT)
        joined = theirs.pop(strings), ours.pop(strings)
        assert joined[0] != joined[1]
    assert ours == theirs


def test_importing_what_is_there_changes_nothing(tmp_path: Path) -> None:
    config = write(tmp_path)
    before = (tmp_path / "zones/example.test.yaml").read_bytes()
    for format in ("yaml", "master", "json"):
        file = tmp_path / f"out.{format}"
        done(config, "zone", "export", "example.test", "--format", format, "-o", str(file))
        arguments = ["--zone", "example.test", "--format", format]
        assert "nothing to do" in done(config, "zone", "import", str(file), *arguments)
        same = done(config, "zone", "diff", "example.test", str(file), "--format", format)
        assert same == "they are the same\n"
    assert (tmp_path / "zones/example.test.yaml").read_bytes() == before


def test_an_import_edits_the_zone_that_is_there(tmp_path: Path) -> None:
    zone = (
        '"": {type: NS, value: ns.example.net.}\n'
        "# the web\n"
        "www: {type: A, values: [192.0.2.1, 192.0.2.2]}   # two\n"
        "old: {type: A, value: 192.0.2.3}\n"
    )
    config = write(tmp_path, zone=zone)
    file = tmp_path / "example.test.zone"
    file.write_text(
        "@ 60 IN SOA ns.example.net. h 1 2 3 4 5\n@ 3600 IN NS ns.example.net.\n"
        "www 3600 IN A 192.0.2.1\nwww 3600 IN A 192.0.2.9\nnew 60 IN GEO web\n"
    )
    done(config, "zone", "import", str(file))
    text = (tmp_path / "zones/example.test.yaml").read_text()
    assert "# the web\nwww: {type: A, values: [192.0.2.1, 192.0.2.9]}   # two\n" in text
    assert "new: {type: GEO, ttl: 60, service: web}\n" in text
    assert "old" not in text


def test_zones_differ_by_files_zones_and_servers(tmp_path: Path) -> None:
    config = write(tmp_path)
    done(
        config, "zone", "create", "other.test", "--from", str(tmp_path / "zones/example.test.yaml")
    )
    assert "they are the same" in done(config, "zone", "diff", "example.test", "other.test")
    done(config, "record", "set", "other.test", "ns1", "A", "192.0.2.5", "--ttl", "60")
    found = geodns(config, "zone", "diff", "example.test", "other.test")
    assert found.exit_code == 1
    assert found.stdout.splitlines() == [
        "- ns1.example.test. 3600 IN A 192.0.2.1",
        "+ ns1.example.test. 60 IN A 192.0.2.5",
        "1 record sets differ",
    ]
    told = refused(config, "zone", "diff", "example.test", "--server", "127.0.0.1:1")
    assert "does not transfer the zone" in told
    told = refused(config, "zone", "diff", "example.test", "--server", "ns1")
    assert "is not an address" in told


@pytest.mark.interop
def test_a_zone_is_compared_with_what_named_transfers(tmp_path: Path) -> None:
    named, port = program("named"), free_port()
    config = write(tmp_path)
    done(config, "record", "remove", "example.test", "www")
    master = tmp_path / "example.test.zone"
    done(config, "zone", "export", "example.test", "--format", "master", "-o", str(master))
    conf = tmp_path / "named.conf"
    conf.write_text(
        f'options {{ directory "{tmp_path}"; listen-on port {port} {{ 127.0.0.1; }};'
        f" listen-on-v6 {{ none; }}; pid-file none; allow-transfer {{ any; }}; recursion no; }};\n"
        f'controls {{ }};\nzone "example.test" {{ type primary; file "{master}"; }};\n'
    )
    process = subprocess.Popen(
        [named, "-g", "-c", str(conf)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    compare = ("zone", "diff", "example.test", "--server", f"127.0.0.1:{port}")
    try:
        deadline = time.monotonic() + 60
        while (found := geodns(config, *compare)).exit_code and time.monotonic() < deadline:
            time.sleep(0.1)
        assert found.stdout == "they are the same\n"
        done(config, "record", "add", "example.test", "ns1", "A", "192.0.2.2")
        found = geodns(config, *compare)
        assert found.stdout.startswith("- ns1.example.test. 3600 IN A 192.0.2.2\n")
    finally:
        process.kill()
        process.wait()


@pytest.mark.interop
@pytest.mark.parametrize("checker", ["named-checkzone", "nsd-checkzone"])
def test_an_exported_master_file_is_what_others_read(tmp_path: Path, checker: str) -> None:
    path = program(checker)
    config = write(tmp_path, zone=None)
    (tmp_path / "zones").mkdir()
    text = "".join(
        f"{line}\n" for line in master_of_everything().splitlines() if " GEO " not in line
    )
    # what a checker does not know, and what only a signed zone has
    unread = ["DSYNC", "WALLET", "NSEC3", "NSEC", "RRSIG", "SIG", "DNAME", "RESINFO"]
    if checker == "nsd-checkzone":
        unread += ["GPOS", "HIP", "AMTRELAY", "NINFO", "NSAP-PTR"]
    kept = [line for line in text.splitlines() if not any(f" {kind} " in line for kind in unread)]
    (tmp_path / "zones/example.test.zone").write_text("\n".join(kept) + "\n")
    file = tmp_path / "exported.zone"
    done(config, "zone", "export", "example.test", "-o", str(file))
    arguments = ["example.test", str(file)]
    found = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_octodns_reads_what_is_exported(tmp_path: Path) -> None:
    config = write(tmp_path, zone=None)
    (tmp_path / "zones").mkdir()
    kinds = (
        "NS",
        *("A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "LOC", "MX", "NAPTR", "OPENPGPKEY"),
        *("PTR", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URI"),
    )
    names = {"SRV": "_sip._tcp", "HTTPS": "h", "SVCB": "s", "URI": "_ftp._tcp"}
    lines = [
        "@ 60 IN SOA ns.example.net. h 1 2 3 4 5",
        "@ 300 IN NS ns.example.net.",
        "a10 60 IN A 192.0.2.1",
        "a9 60 IN A 192.0.2.1",
        'txt 60 IN TXT "v=DKIM1; k=rsa"',
        *(
            f"{names.get(kind, f't{kind.lower()}')} 60 IN {kind} {EXAMPLES[kind]}"
            for kind in kinds[1:]
        ),
    ]
    (tmp_path / "zones/example.test.zone").write_text("\n".join(lines) + "\n")
    text = done(config, "zone", "export", "example.test")
    (tmp_path / "octodns").mkdir()
    # the SOA is this program's own addition to octoDNS's YAML
    without = "".join(f"{line}\n" for line in text.splitlines() if "type: SOA" not in line)
    (tmp_path / "octodns/example.test.yaml").write_text(without)
    provider = YamlProvider(
        "config", str(tmp_path / "octodns"), enforce_order=True, escaped_semicolons=True
    )
    zone = OctodnsZone("example.test.", [])
    provider.populate(zone)
    found = {(record.name, record._type) for record in zone.records}
    assert {kind for _, kind in found} == set(kinds)
    txt = next(record for record in zone.records if record.name == "txt")
    assert list(txt.values) == ["v=DKIM1\\; k=rsa"]


def test_zones_are_listed_shown_and_checked(tmp_path: Path) -> None:
    config = write(tmp_path)
    (row,) = json.loads(done(config, "zone", "list", "--json"))
    assert (row["zone"], row["names"], row["records"], row["geo_names"]) == (
        "example.test.",
        3,
        4,
        1,
    )
    assert "example.test.yaml" in done(config, "zone", "list")
    assert "→ web" in done(config, "zone", "show", "example.test")
    shown = json.loads(done(config, "zone", "show", "example.test", "--json"))
    assert shown["zone"] == "example.test."
    assert {"name": "www.example.test.", "type": "GEO", "ttl": None, "values": ["web"]} in shown[
        "records"
    ]
    bad = tmp_path / "bad.test.yaml"
    bad.write_text('"": {type: NS, value: ns.example.net.}\nwww: {type: GEO, service: wbe}\n')
    found = geodns(config, "zone", "check", str(bad))
    assert found.exit_code == 1
    assert "bad.test.yaml:2:27: error: www.bad.test. names the service 'wbe'" in found.stdout
    done(config, "zone", "check", str(tmp_path / "zones/example.test.yaml"))
    (tmp_path / "zones/broken.test.zone").write_text("@ IN A\n")
    found = geodns(config, "zone", "list")
    assert found.exit_code == 1
    assert "can't be used" in found.stdout
    assert "broken.test.zone:1:" in found.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", 'a zone in JSON is {"zone"'),
        ("{", "this is not JSON"),
        ('{"zone": "a.test", "records": [{"name": "@"}]}', "record 1: it is"),
        (
            '{"zone": "a.test", "records": [{"name": "@", "type": "A", "values": ["x"]}]}',
            "record 1",
        ),
    ],
)
def test_bad_json_is_explained(tmp_path: Path, text: str, said: str) -> None:
    config = write(tmp_path)
    (tmp_path / "a.json").write_text(text)
    assert said in refused(config, "zone", "import", str(tmp_path / "a.json"))


def test_a_json_zone_is_imported_into_a_running_server(tmp_path: Path) -> None:
    file = tmp_path / "fresh.json"
    file.write_text(
        json.dumps(
            {
                "zone": "fresh.test.",
                "records": [
                    {"name": "@", "type": "NS", "ttl": 60, "values": ["ns.example.net."]},
                    {"name": "www", "type": "GEO", "ttl": 30, "values": ["web"]},
                ],
            }
        )
    )
    with RunningServer(tmp_path) as server:
        done(server.config, "zone", "import", str(file))
        assert server.answer("www.fresh.test", subnet="2.0.0.0/24") == ["192.0.2.1"]


def test_zones_without_name_servers_are_edited_and_moved_as_they_are(tmp_path: Path) -> None:
    config = write(
        tmp_path,
        server=SERVER + "name_servers: [ns.example.net.]\n",
        zone="a: {type: A, value: 192.0.2.1}\n",
    )
    (tmp_path / "zones/octodns.yaml").write_text("providers: {}\nzones: {}\n")
    done(config, "record", "add", "example.test", "a", "A", "192.0.2.2")
    text = "a: {type: A, values: [192.0.2.1, 192.0.2.2]}\n"
    assert (tmp_path / "zones/example.test.yaml").read_text() == text
    assert "example.test. NS" not in done(config, "zone", "export", "example.test")
    assert "ns.example.net." in done(config, "zone", "show", "example.test")
    (row,) = json.loads(done(config, "zone", "list", "--json"))
    assert row["zone"] == "example.test."
    file = tmp_path / "out.yaml"
    done(config, "zone", "export", "example.test", "-o", str(file))
    done(config, "zone", "import", str(file), "--zone", "second.test")
