"""Building from files: every format, damaged rows and files, the table that comes out."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from synthetic.latencies import World
from test_fold import GROUND, NOW, REGIONS, measured

from geodns.geo.database import load_locations
from geodns.latency.build import Built, Ground, build
from geodns.latency.figure import Table
from geodns.latency.fold import Choices
from geodns.latency.raw import RawError, RawFile
from geodns.latency.table import read_table, read_whole
from geodns.latency.write import to_text

ROWS = [measured(1, 0, "near", 20), measured(1, 0, "far", 90), measured(5, 0, "near", 210)] * 5
HEADER = "client,region,ms,time\n"
LINES = "".join(f"{one.address},{one.region},{one.ms},{one.time}\n" for one in ROWS)
GOOD = f"10.1.0.1,near,20,{NOW}\n"


def built(*files: Path, least: int = 5) -> Built:
    return build(Path("t.csv"), [RawFile(file) for file in files], GROUND, Choices(86_400, least))


def write(folder: Path, name: str, text: str | bytes) -> Path:
    file = folder / name
    data = text.encode() if isinstance(text, str) else text
    file.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return file


def parquet(folder: Path) -> Path:
    columns = {
        "time": pa.array([one.time * 1000 for one in ROWS], pa.timestamp("ms", "UTC")),
        "rtt": [one.ms for one in ROWS],
        "ip": [one.address for one in ROWS],
        "dc": [f"{one.region}-a" for one in ROWS],  # an AZ's figure is its region's
    }
    pq.write_table(pa.table(columns), folder / "raw.parquet")
    return folder / "raw.parquet"


def objects() -> str:
    return "".join(
        json.dumps({"ip": one.address, "region": one.region, "rtt": one.ms, "ts": one.time}) + "\n"
        for one in ROWS
    )


def test_every_format_makes_the_same_table(tmp_path: Path) -> None:
    tabs = "Client IP\tregion\tRTT_ms\ttimestamp\n" + LINES.replace(",", "\t")
    files = [
        write(tmp_path, "raw.csv", HEADER + LINES),
        write(tmp_path, "raw.csv.gz", HEADER + LINES),
        write(tmp_path, "raw.tsv", tabs),
        write(tmp_path, "raw.jsonl", objects()),
        write(tmp_path, "raw.jsonl.gz", objects()),
        parquet(tmp_path),
    ]
    tables = [built(file).table for file in files]
    assert [row.client for row in tables[0].rows] == ["EU-DE", "AS-JP"]
    assert all(table == tables[0] for table in tables)
    assert built(*files).used == len(files) * len(ROWS)


def test_damaged_rows_of_csv_are_counted_with_the_lines_of_the_first(tmp_path: Path) -> None:
    lines = [
        f"localhost,near,20,{NOW}\n",
        f"10.1.0.1,nowhere,20,{NOW}\n",
        f"10.1.0.1,near,-1,{NOW}\n",
        f"10.1.0.1,near,nan,{NOW}\n",
        "10.1.0.1,near,20,later\n",
        "10.1.0.1,near\n",
    ]
    file = write(tmp_path, "raw.csv", HEADER + GOOD + "".join(lines) + GOOD)
    result = built(file, least=1)
    assert (result.rows, result.used) == (8, 2)
    assert dict(result.damage.counts) == {
        "not a row with all columns": 1,
        "the client is no address": 1,
        "the region is not in the topology": 1,
        "the milliseconds are no round-trip time": 2,
        "the time is no time, or in the future": 1,
    }
    assert set(result.damage.examples) <= {
        f"{file}:8: not a row with all columns",
        f"{file}:3: the client is no address",
        f"{file}:4: the region is not in the topology",
        f"{file}:5: the milliseconds are no round-trip time",
        f"{file}:6: the milliseconds are no round-trip time",
    }
    assert len(result.damage.examples) == 5


def test_damaged_lines_of_json_are_counted_with_their_number(tmp_path: Path) -> None:
    file = write(tmp_path, "raw.jsonl", objects() + "{broken\n[1]\n" + objects())
    result = built(file)
    assert result.used == 2 * len(ROWS)
    assert result.damage.examples == [
        f"{file}:{len(ROWS) + line}: not a row with all columns" for line in (1, 2)
    ]


def test_a_byte_that_is_no_text_costs_one_line_of_json(tmp_path: Path) -> None:
    damaged = objects().encode().replace(b"near", b"ne\xffr", 1)
    result = built(write(tmp_path, "raw.jsonl", damaged))
    assert result.used == len(ROWS) - 1
    assert len(result.damage.examples) == 1


def cut(file: Path) -> Path:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])
    return file


@pytest.mark.parametrize("name", ["raw.parquet", "raw.csv.gz", "raw.jsonl.gz"])
def test_a_damaged_file_is_one_line(tmp_path: Path, name: str) -> None:
    file = parquet(tmp_path) if name == "raw.parquet" else None
    file = file or write(tmp_path, name, objects() if "json" in name else HEADER + LINES)
    with pytest.raises(RawError) as caught:
        built(cut(file))
    assert str(caught.value).startswith(f"{file} can't be read: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["table.yaml", "table.csv"])
def test_a_built_table_is_read_back_as_it_was(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    made = built(write(tmp_path, "raw.csv", HEADER + LINES)).table
    file.write_text(to_text(Table(file, made.rows, made.measured)), encoding="utf-8")
    rows, problems = read_table(file, REGIONS)
    assert problems == []
    assert [row.client for row in rows] == ["EU-DE", "AS-JP"]
    back = read_whole(file, REGIONS)
    again = tuple(
        row._replace(figures={at: f._replace(line=0) for at, f in row.figures.items()})
        for row in back.rows
    )
    assert again == made.rows


@pytest.mark.parametrize("name", ["raw.parquet", "raw.csv", "raw.csv.gz"])
def test_a_large_file_is_read_in_parts(tmp_path: Path, name: str) -> None:
    rows = 1_100_000
    file = tmp_path / name
    if name == "raw.parquet":
        columns = {"client": ["10.1.0.1"] * rows, "region": ["near"] * rows, "ms": [20] * rows}
        pq.write_table(pa.table(columns), file)
    else:
        write(tmp_path, name, "client,region,ms\n" + "10.1.0.1,near,20\n" * rows)
    sizes = [batch.rows for batch in RawFile(file).batches()]
    assert sum(sizes) == rows
    assert max(sizes) <= 1 << 20


def synthetic() -> Built:
    """The build that docs/latency.md has the figures of: made up, none of it was measured."""
    locations = load_locations(())
    where = np.array([region.location for region in GROUND.topology.regions.values()])
    rng = np.random.default_rng(7)
    world = World(locations, where, rng, 2000)
    found = world.measure(60_000, rng, NOW, 30)
    names = np.array(REGIONS, dtype=object)[found.region]
    addresses = [".".join(map(str, int(one).to_bytes(4, "big"))) for one in found.address]
    columns = {"client": addresses, "region": names, "ms": found.ms, "time": found.time}
    file = Path("synthetic.parquet")
    pq.write_table(pa.table(columns), file)
    return build(Path("t.csv"), [RawFile(file)], Ground(GROUND.topology, locations, NOW), Choices())


def test_the_fitted_estimate_beats_the_default_on_places_held_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = synthetic()
    assert result.validation is not None
    assert result.table.estimate is not None
    assert result.validation.fitted.median_share < result.validation.default.median_share
