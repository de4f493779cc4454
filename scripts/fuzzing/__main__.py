"""Lets ``python -m fuzzing`` run the command."""

from fuzzing.command import main

main(prog_name="scripts/fuzz")
