"""What reaches a thread's engine between two packets."""

from __future__ import annotations

import logging
from pathlib import Path

import dns.message
import pytest
from building import ZONE, image, query

from geodns.answer.cold import Identity
from geodns.answer.service import EndpointState
from geodns.server.face import EngineOptions, Face

_OPTIONS = EngineOptions(Identity("ns1.demo"), accept_client_subnet=True, stream=False)
_TOKYO = query("www.example.test", subnet="30.0.0.0/24")
_DOWN = {"web@jp-a": EndpointState(0.0)}


@pytest.fixture
def face(tmp_path: Path) -> Face:
    return Face(image(tmp_path), _OPTIONS)


def answer(face: Face, packet: bytes) -> str:
    reply = face.take_mail().respond(packet, "198.51.100.1")
    assert reply is not None
    return str(dns.message.from_wire(reply).answer[0][0])


def test_posted_states_hold_from_the_next_packet_on(face: Face) -> None:
    assert answer(face, _TOKYO) == "192.0.2.21"
    face.post(_DOWN)
    assert answer(face, _TOKYO) != "192.0.2.21"
    face.post({})
    assert answer(face, _TOKYO) == "192.0.2.21"


def test_a_new_image_keeps_the_states_and_the_counts(face: Face, tmp_path: Path) -> None:
    face.post(_DOWN)
    answer(face, _TOKYO)
    folder = tmp_path / "new"
    folder.mkdir()
    face.post(image(folder, zone=ZONE + "new: {type: A, ttl: 5, value: 192.0.2.200}\n"))
    assert answer(face, query("new.example.test")) == "192.0.2.200"
    assert answer(face, _TOKYO) != "192.0.2.21"
    assert face.counts().queries == {(1, 0): 3}


def test_mail_is_taken_in_its_order(face: Face) -> None:
    for _ in range(3):
        face.post(_DOWN)
        face.post({})
    assert answer(face, _TOKYO) == "192.0.2.21"
    assert not face.mailbox


def test_a_face_that_no_packet_comes_to_keeps_the_newest_of_its_mail_only(
    face: Face, tmp_path: Path
) -> None:
    for number in range(5):
        folder = tmp_path / str(number)
        folder.mkdir()
        face.post({})
        face.post(image(folder, zone=ZONE + f"new: {{type: A, ttl: 5, value: 192.0.2.{number}}}\n"))
        face.post(_DOWN)
    assert len(face.mailbox) == 2
    assert answer(face, query("new.example.test")) == "192.0.2.4"
    assert answer(face, _TOKYO) != "192.0.2.21"


def test_drops_and_faults_are_counted_and_faults_logged_boundedly(
    face: Face, caplog: pytest.LogCaptureFixture
) -> None:
    face.drop("send")
    with caplog.at_level(logging.ERROR):
        for _ in range(50):
            face.fault()
    assert face.counts().dropped == {"send": 1, "fault": 50}
    assert len(caplog.records) == 10
