"""Reading latency tables: what is accepted, and where every mistake is reported."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from geodns import yamlfile
from geodns.config.settings import LatencyRow, LatencyTable
from geodns.latency.draft import MOST_MILLISECONDS
from geodns.latency.estimate import Estimate, Line
from geodns.latency.figure import Figure, Table, TableRow
from geodns.latency.table import read_table, read_whole

REGIONS = ("eu-central-1", "us-east-1", "ap-southeast-1")


def read(
    folder: Path, text: str | bytes, name: str = "latency.yaml"
) -> tuple[list[LatencyRow], list[str]]:
    """Rows, and problems as ``line:column id message (hint)``."""
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    rows, problems = read_table(file, REGIONS)
    return rows, [str(problem).removeprefix(f"{file}:") for problem in problems]


def test_a_yaml_table_keeps_its_rows_in_order_and_in_canonical_form(tmp_path: Path) -> None:
    rows, problems = read(
        tmp_path,
        """\
measured: 2026-11-01
latency:
  EU:             {eu-central-1: 14, us-east-1: 92}
  eu-de:          {eu-central-1: 6.5}
  na-us-ca:       {us-east-1: 60}
  as4134:         {ap-southeast-1: 18}
  203.0.113.0/24: {ap-southeast-1: 31}
  2001:DB8::/32:  {ap-southeast-1: 0}
  default:        {us-east-1: 100000}
""",
    )
    assert problems == []
    assert rows == [
        LatencyRow("EU", {"eu-central-1": 14.0, "us-east-1": 92.0}),
        LatencyRow("EU-DE", {"eu-central-1": 6.5}),
        LatencyRow("NA-US-CA", {"us-east-1": 60.0}),
        LatencyRow("AS4134", {"ap-southeast-1": 18.0}),
        LatencyRow("203.0.113.0/24", {"ap-southeast-1": 31.0}),
        LatencyRow("2001:db8::/32", {"ap-southeast-1": 0.0}),
        LatencyRow("default", {"us-east-1": 100000.0}),
    ]


def test_an_empty_yaml_table_is_an_empty_table(tmp_path: Path) -> None:
    assert read(tmp_path, "") == ([], [])
    assert read(tmp_path, "latency: {}") == ([], [])


def test_a_row_without_regions_is_kept_and_hides_wider_rows(tmp_path: Path) -> None:
    assert read(tmp_path, "latency: {EU: {}}") == ([LatencyRow("EU", {})], [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("latency:\n  EU: {eu-centrall-1: 3}", "2:8: error: region 'eu-centrall-1' is not in the "
         "topology (did you mean eu-central-1?) [undefined-region]"),
        ("latency:\n  EU: {us-east-1: fast}", "2:19: error: 'fast' is not a round-trip time (write "
         "a number of milliseconds from 0 to 100000) [bad-milliseconds]"),
        ("latency: {EU: {us-east-1: -1}}", "1:27: error: -1 is not a round-trip time (write "
         "a number of milliseconds from 0 to 100000) [bad-milliseconds]"),
        ("latency: {EU: {us-east-1: .nan}}", "1:27: error: nan is not a round-trip time (write "
         "a number of milliseconds from 0 to 100000) [bad-milliseconds]"),
        ("latency: {EU: {us-east-1: true}}", "1:27: error: true is not a round-trip time (write "
         "a number of milliseconds from 0 to 100000) [bad-milliseconds]"),
        ("latency:\n  203.0.113.7/24: {us-east-1: 3}", "2:3: error: '203.0.113.7/24' has bits set "
         "behind its prefix length (did you mean 203.0.113.0/24?) [bad-client]"),
        ("latency:\n  203.0.113.7: {us-east-1: 3}", "2:3: error: '203.0.113.7' is an address "
         "without a prefix length (write 203.0.113.7/32) [bad-client]"),
        ("latency:\n  XX: {us-east-1: 3}", "2:3: error: 'XX' does not begin with a continent (one "
         "of AF, AN, AS, EU, NA, OC, SA; a country stands behind its continent, as in EU-DE) "
         "[bad-client]"),
        ("latency:\n  EU-US-CA: {us-east-1: 3}", "2:3: error: 'EU-US-CA': US is in NA (write "
         "NA-US-CA) [bad-client]"),
        ("latency:\n  EU-UK: {us-east-1: 3}", "2:3: error: 'EU-UK': no country has the code UK "
         "(see ISO 3166-1) [bad-client]"),
        ("latency:\n  AS0: {us-east-1: 3}", "2:3: error: AS0 is not an AS number (they run from 1 "
         "to 4294967295) [bad-client]"),
        ("latency:\n  EU-DE: {us-east-1: 3}\n  eu-de: {us-east-1: 4}", "3:3: error: 'eu-de' is "
         "EU-DE, which has a row in line 2 [duplicate-client]"),
        ("latency: {EU: 3}", "1:15: error: the row of EU must map regions to milliseconds (as in "
         "{eu-central-1: 6}) [wrong-type]"),
        ("latency: [EU]", "1:10: error: latency must map clients to regions (as in EU-DE: "
         "{eu-central-1: 6}) [wrong-type]"),
        ("- EU", "1:1: error: is not a latency table (write latency: {EU: {region: 14}}) "
         "[wrong-type]"),
        ("latencies: {}", "1:1: error: unknown key 'latencies' (did you mean latency?) "
         "[unknown-key]"),
        ("measured: yesterday", "1:11: error: 'yesterday' is not a date (write it as in "
         "2026-11-01) [bad-date]"),
        ("measured: 2026-02-30", "1:11: error: '2026-02-30' is not a date (write it as in "
         "2026-11-01) [bad-date]"),
    ],
)  # fmt: skip
def test_a_mistake_in_yaml_is_reported_where_it_stands(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert read(tmp_path, text)[1] == [problem]


def test_all_mistakes_are_reported_at_once_and_the_rest_is_read(tmp_path: Path) -> None:
    rows, problems = read(
        tmp_path, "latency: {EU: {us-east-1: 3, x: 1}, ZZ: {us-east-1: 1}, AS: {us-east-1: a}}"
    )
    assert rows == [LatencyRow("EU", {"us-east-1": 3.0}), LatencyRow("AS", {})]
    assert [problem.rsplit("[")[1] for problem in problems] == [
        "undefined-region]",
        "bad-client]",
        "bad-milliseconds]",
    ]


def test_a_figure_may_say_what_is_known_of_it(tmp_path: Path) -> None:
    file = tmp_path / "latency.yaml"
    file.write_text(
        "measured: 2026-11-01\n"
        "estimate:\n"
        "  base: 8\n"
        "  per_1000_km: 14.5\n"
        "  continents: {EU: {eu-central-1: {base: 6, per_1000_km: 13}}}\n"
        "latency:\n"
        "  EU:\n"
        "    eu-central-1: {ms: 14, samples: 52, measured: 2026-10-30, confidence: 93%}\n"
        "    us-east-1: 92\n",
        encoding="utf-8",
    )
    table = read_whole(file, REGIONS)
    assert table == Table(
        file,
        (
            TableRow(
                "EU",
                {
                    "eu-central-1": Figure(14.0, 52, date(2026, 10, 30), 0.93, 8),
                    "us-east-1": Figure(92.0, None, date(2026, 11, 1), None, 9),
                },
            ),
        ),
        date(2026, 11, 1),
        Estimate(Line(8.0, 0.0145), {("EU", "eu-central-1"): Line(6.0, 0.013)}, fitted=True),
    )
    LatencyTable.model_validate(yamlfile.read(file)[0].data)


@pytest.mark.parametrize(
    ("figure", "problem"),
    [
        ("{ms: 14, sample: 3}", "1:36: error: unknown key 'sample' (did you mean samples?)"),
        ("{samples: 3}", "1:27: error: None is not a round-trip time"),
        ("{ms: 14, samples: 1.5}", "1:45: error: 1.5 is not a number of samples"),
        ("{ms: 14, samples: -2}", "1:45: error: -2 is not a number of samples"),
        ("{ms: 14, confidence: 2}", "1:48: error: 2 is not a confidence"),
        ("{ms: 14, measured: 2026-13-01}", "1:46: error: '2026-13-01' is not a date"),
    ],
)
def test_a_mistake_inside_a_figure_is_reported_where_it_stands(
    tmp_path: Path, figure: str, problem: str
) -> None:
    found = read(tmp_path, f"latency: {{EU: {{us-east-1: {figure}}}}}")[1]
    assert len(found) == 1
    assert found[0].startswith(problem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("estimate: 3", "1:11: error: estimate must be a mapping"),
        ("estimate: {base: 3}", "1:11: error: 3.0 and None are no line" ),
        ("estimate: {base: 3, per_1000_km: -1}", "1:11: error: 3 and -1 are no line"),
        ("estimate: {base: 3, per_1000_km: 9, contnents: {}}", "1:37: error: unknown key"),
        ("estimate: {base: 3, per_1000_km: 9, continents: {XX: {us-east-1: {base: 1, "
         "per_1000_km: 1}}}}", "1:55: error: 'XX' is not a continent"),
        ("estimate: {base: 3, per_1000_km: 9, continents: {EU: {us-east-9: {base: 1, "
         "per_1000_km: 1}}}}", "1:55: error: region 'us-east-9' is not in the topology"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_estimate_is_reported(tmp_path: Path, text: str, problem: str) -> None:
    found = read(tmp_path, text)[1]
    assert len(found) == 1
    assert found[0].startswith(problem.replace("3.0", "3"))


# --- CSV --------------------------------------------------------------------------------------


def test_a_csv_table_gathers_the_lines_of_a_client_into_its_row(tmp_path: Path) -> None:
    rows, problems = read(
        tmp_path,
        "\ufeffRegion, client ,ms,samples,measured\r\n"
        "eu-central-1,EU-DE,6,120,2026-11-01\r\n"
        "\r\n"
        'us-east-1,"203.0.113.0/24",9.25,,\r\n'
        '"us-east-1",EU-DE,9e1,3,2026-11-02\r\n',
        "latency.CSV",
    )
    assert problems == []
    assert rows == [
        LatencyRow("EU-DE", {"eu-central-1": 6.0, "us-east-1": 90.0}),
        LatencyRow("203.0.113.0/24", {"us-east-1": 9.25}),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: error: has no column client"),
        ("client,region\n", "1:1: error: has no column ms"),
        ("client,region,ms,sample\n", "1:18: error: unknown column 'sample'"),
        ("client,region,ms,ms\n", "1:18: error: column ms stands here twice"),
        ("client,region,ms\nEU,us-east-1\n", "2:1: error: has 2 cells where the header has 3"),
        ("client,region,ms\nEU,us-east-1,3,4\n", "2:1: error: has 4 cells where the header has 3"),
        ("client,region,ms\nEU,us-west-1,3\n", "2:4: error: region 'us-west-1' is not in the"),
        ("client,region,ms\nE-U,us-east-1,3\n", "2:1: error: 'E-U' is not a client"),
        ("client,region,ms\n\nEU,us-east-1,nan\n", "3:14: error: 'nan' is not a round-trip time"),
        ("client,region,ms\nEU,us-east-1,1e999\n", "2:14: error: inf is not a round-trip time"),
        ("client,region,ms\nEU,us-east-1,-3\n", "2:14: error: '-3' is not a round-trip time"),
        ("client,region,ms\nEU,us-east-1,3\neu,us-east-1,4\n", "3:4: error: EU to us-east-1 stands "
         "here a second time; first in line 2"),
        ('client,region,ms\n"EU",us"east,3\n', "2:6: error: a quotation mark"),
        ('client,region,ms\n"EU', "2:1: error: a quotation mark stands where none can"),
        ('"client,region,ms\nEU', "1:1: error: a quotation mark stands where none can"),
        ("client,region,ms,samples\nEU,us-east-1,3,many\n", "2:16: error: 'many' is not a number"),
        ("client,region,ms,measured\nEU,us-east-1,3,today\n", "2:16: error: 'today' is not a date"),
        (b"client,region,ms\nEU,\xff,3\n", "2:1: error: is not UTF-8 at byte 20"),
    ],
)  # fmt: skip
def test_a_mistake_in_csv_is_reported_where_it_stands(
    tmp_path: Path, text: str | bytes, problem: str
) -> None:
    problems = read(tmp_path, text, "latency.csv")[1]
    assert problems
    assert problems[0].startswith(problem)


def test_a_csv_table_holds_what_is_known_of_a_figure_and_the_estimate(tmp_path: Path) -> None:
    file = tmp_path / "latency.csv"
    file.write_text(
        "client,region,ms,samples,measured,confidence,base,per_1000_km\n"
        "default,,,,,,8,14.5\n"
        "EU,eu-central-1,,,,,6,13\n"
        "EU,eu-central-1,14,52,2026-10-30,0.93,,\n",
        encoding="utf-8",
    )
    table = read_whole(file, REGIONS)
    assert table.problems == ()
    assert table.rows == (
        TableRow("EU", {"eu-central-1": Figure(14.0, 52, date(2026, 10, 30), 0.93, 4)}),
    )
    assert table.estimate == Estimate(
        Line(8.0, 0.0145), {("EU", "eu-central-1"): Line(6.0, 0.013)}, fitted=True
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("EU,us-east-1,3,4,5", "2:14: error: a line of the estimate has no milliseconds"),
        ("EU,us-east-1,,4,", "2:1: error: 4.0 and '' are no line of an estimate"),
        ("EU-DE,us-east-1,,4,5", "2:1: error: 'EU-DE' is not a continent"),
        ("default,,,4,5\ndefault,,,4,5", "3:1: error: the estimate stands here a second time"),
    ],
)
def test_a_mistake_in_the_estimate_of_a_csv_is_reported(
    tmp_path: Path, line: str, problem: str
) -> None:
    text = f"client,region,ms,base,per_1000_km\n{line}\n"
    found = read(tmp_path, text, "latency.csv")[1]
    assert len(found) == 1
    assert found[0].startswith(problem)


# --- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["absent.csv", "absent.yaml", "nul\0.csv", "nul\0.yaml"])
def test_a_file_that_can_not_be_read_is_a_problem(tmp_path: Path, name: str) -> None:
    rows, problems = read_table(tmp_path / name, REGIONS)
    assert rows == []
    assert [problem.id for problem in problems] == ["unreadable-file"]


def test_a_file_that_is_neither_yaml_nor_csv_by_its_name_is_a_problem(tmp_path: Path) -> None:
    rows, problems = read_table(tmp_path / "latency.txt", REGIONS)
    assert rows == []
    assert [problem.id for problem in problems] == ["unknown-format"]


_WORDS = st.sampled_from(
    [
        *["client", "region", "ms", "us-east-1", "latency", "measured", "EU", "EU-DE", "AS1"],
        *["default", "10.0.0.0/8", "2002::/16", "fe80::%1/9", "::/0", "AS" + "9" * 30, "1", "-1"],
        *["0x" + "f" * 5000, "9" * 5000, ".inf", ",", ",", "\n", "\n", '"', ": ", "{", "}", "["],
        *["- ", " ", "&a ", "*a", "<<"],
    ]
)
_TEXTS = st.lists(_WORDS | st.text(max_size=4), max_size=40).map("".join) | st.text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@given(
    text=_TEXTS.map(lambda text: text.encode(errors="replace")) | st.binary(), kind=st.booleans()
)
def test_whatever_a_file_holds_is_rows_or_problems(folder: Path, text: bytes, kind: bool) -> None:
    file = folder / ("table.csv" if kind else "table.yaml")
    for content in (text, b"client,region,ms\n" + text if kind else b"latency: {" + text):
        file.write_bytes(content)
        rows, problems = read_table(file, REGIONS)
        for row in rows:
            assert set(row.milliseconds) <= set(REGIONS)
            assert all(0 <= figure <= MOST_MILLISECONDS for figure in row.milliseconds.values())
        for problem in problems:
            assert problem.line >= 1 or problem.id in {"not-utf-8", "unreadable-file"}
            assert len(str(problem)) < 600


_FIGURES = st.dictionaries(
    st.sampled_from(REGIONS), st.floats(0, MOST_MILLISECONDS) | st.integers(-5, 110_000), max_size=3
)


@given(st.dictionaries(st.sampled_from(["EU", "AS-CN", "AS1", "default", "::/0"]), _FIGURES))
def test_the_reader_accepts_what_the_schema_accepts(
    folder: Path, rows: dict[str, dict[str, float]]
) -> None:
    file = folder / "same.json"
    file.write_bytes(TypeAdapter(dict[str, object]).dump_json({"latency": rows}))
    read_rows, problems = read_table(file, REGIONS)
    try:
        table = LatencyTable.model_validate(yamlfile.read(file)[0].data)
    except ValueError:
        assert problems
    else:
        assert problems == []
        assert {row.client: row.milliseconds for row in read_rows} == {
            client: {region: figure.ms for region, figure in figures.items()}
            for client, figures in table.latency.items()
        }
