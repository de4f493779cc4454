"""Lets ``python -m benchmarks`` run the command."""

from benchmarks.command import main

main(prog_name="scripts/bench")
