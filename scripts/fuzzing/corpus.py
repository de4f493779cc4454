"""The corpus of a target: small inputs that between them reach all that was ever reached."""

from __future__ import annotations

import hashlib
import itertools
import random
from pathlib import Path

import dns.name
from mutations import SEEDS, packets

from fuzzing.engine_target import raw_input
from fuzzing.world import NAMES

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
DICTIONARY = ROOT / "tests" / "fuzz" / "engine.dict"
_TYPES = (1, 28, 5, 16, 43, 255)
_GENERATED = 1500


def inputs(target: str) -> list[Path]:
    """The files of a target's corpus, in a fixed order."""
    return sorted(path for path in (CORPUS / target).iterdir() if path.is_file())


def generated(target: str) -> list[bytes]:
    """Inputs to begin with; what adds nothing to the corpus is for minimising to drop."""
    generator = random.Random(1)
    made = [_scattered(generator) for _ in range(_GENERATED)]
    if target == "engine":
        made += [raw_input(packet) for packet in (*SEEDS, *packets(1, _GENERATED), *_questions())]
    return made


def save(folder: Path, data: bytes) -> Path:
    """Writes an input under the name that libFuzzer would give it."""
    path = folder / hashlib.sha1(data, usedforsecurity=False).hexdigest()
    path.write_bytes(data)
    return path


def _scattered(generator: random.Random) -> bytes:
    """Choices that are mostly the first ones: good queries, with a few odd things."""
    size = generator.choice((8, 40, 120, 400))
    odd = generator.choice((2, 4, 16))
    return bytes(0 if generator.randrange(odd) else generator.randrange(256) for _ in range(size))


def _questions() -> list[bytes]:
    head = b"\x12\x34\1\0\0\1\0\0\0\0\0\0"
    return [
        head + (dns.name.from_text(name).to_wire() or b"") + type.to_bytes(2, "big") + b"\0\1"
        for name, type in itertools.product(NAMES, _TYPES)
    ]
