"""The commands of scripts/demo."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from demonstration import clients, control
from demonstration.hints import hints
from demonstration.leftovers import end_workers
from demonstration.setting import DemoError, read_setting

_COLOURS = {"up": "32", "stopped": "31", "hanging": "33"}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="The datacenters of the example: stop them, start them."
    )
    parser.add_argument("-c", "--config", type=Path, default=Path("config/geodns.yaml"))
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    for verb, text in (
        ("start", "answer again"),
        ("stop", "refuse connections, as a crashed service does"),
        ("hang", "accept connections and say nothing, as an overloaded service does"),
    ):
        command = verbs.add_parser(verb, help=text)
        command.add_argument("names", nargs="+", metavar="AZ", help="an AZ, a region, or all")
        command.add_argument("--json", action="store_true")
    for verb, text in (("list", "what each AZ does"), ("world", "who is sent where, now")):
        verbs.add_parser(verb, help=text).add_argument("--json", action="store_true")
    verbs.add_parser("hints", help="what to try")
    serve = verbs.add_parser("serve", help="play all AZs until Ctrl-C; scripts/run does this")
    serve.add_argument("--ready", type=Path, metavar="FILE", help="made when all AZs listen")
    verbs.add_parser("sweep", help="end workers of a killed server; scripts/run does this")
    wait = verbs.add_parser("wait", help="return when the server answers; scripts/run does this")
    wait.add_argument("--patience", type=float, default=60.0, metavar="SECONDS")
    return parser.parse_args()


def _run(arguments: argparse.Namespace) -> None:
    setting = read_setting(arguments.config)
    match arguments.verb:
        case "serve":
            asyncio.run(control.serve(setting, arguments.ready))
        case "wait":
            clients.wait_until_answering(setting, arguments.patience)
        case "hints":
            print(hints(setting, sys.stdout.isatty()))
        case "sweep":
            end_workers(setting.socket.parent)
        case "world":
            _show_world(clients.world(setting), arguments.json)
        case verb:
            names = getattr(arguments, "names", [])
            _show_azs(asyncio.run(control.command(setting.socket, verb, names)), arguments.json)


def _show_azs(azs: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(azs, indent=2, ensure_ascii=False))
        return
    for az in azs:
        state = az["state"]
        if sys.stdout.isatty():
            state = f"\033[{_COLOURS[state]}m{state}\033[0m"
        print(
            f"{az['availability_zone']:18} {az['title']:15} {' '.join(az['addresses']):15} {state}"
        )


def _show_world(rows: list[clients.Sent], as_json: bool) -> None:
    if as_json:
        print(json.dumps([row._asdict() for row in rows], indent=2, ensure_ascii=False))
        return
    for row in rows:
        print(f"{row.country:15} {row.subnet:16} {row.addresses:12} {row.where}")


def main() -> None:
    """Exits with one line on standard error where something is wrong."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # scripts/demo list | head
    try:
        _run(_arguments())
    except DemoError as error:
        sys.exit(f"scripts/demo: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
