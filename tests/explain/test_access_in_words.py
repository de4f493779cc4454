"""What explain says of a zone that only some may ask for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from configfolder import SERVER, write

from geodns.cli.main import main

_LIST = "allow_query: {zones: {example.test.: [10.0.0.0/8]}}\n"


@pytest.mark.parametrize(
    ("client", "accept", "rcode", "said"),
    [
        ("10.1.1.1", "false", "NOERROR", "from the service web"),
        ("192.0.2.7", "false", "REFUSED", "allow_query of example.test. does not name 192.0.2.7"),
        ("192.0.2.7", "true", "NOERROR", "only resolvers that allow_query names may ask"),
        ("192.0.2.0/24", "true", "NOERROR", "only resolvers that allow_query names may ask"),
    ],
)
def test_explain_says_who_may_not_ask(
    tmp_path: Path, client: str, accept: str, rcode: str, said: str
) -> None:
    text = f"{SERVER}{_LIST}client_subnet: {{accept: {accept}}}\n"
    config = write(tmp_path, server=text)
    words = ["explain", "www.example.test", "--client", client, "-c", str(config)]
    shown = CliRunner().invoke(main, words)
    assert shown.exit_code == 0
    assert said in " ".join(shown.output.split())
    told = json.loads(CliRunner().invoke(main, [*words, "--json"]).output)
    assert told["answer"]["rcode"] == rcode
