"""Runs one job after the other, each in a fork of a process that has loaded what all of them need.

To load the program takes far longer than most jobs. A job's memory goes back to the system with its
process, and whatever becomes of it, the next one begins as the first did.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import struct
import traceback
from collections.abc import Callable, Sequence

Job = Callable[[bytes, Sequence[int]], None]
"""What a fork does with a request and the file descriptors that came with it."""

STATUS = struct.Struct("!i")
"""How a job ended, as ``subprocess`` has it: its exit status, or less than 0 for a signal."""

_MOST_BYTES = 65536  # of a request
_MOST_FILES = 16
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)


def ask(channel: socket.socket, request: bytes, files: Sequence[int]) -> None:
    """Have a job done. Its STATUS comes when it has ended. Raises OSError."""
    socket.send_fds(channel, [request], files)


def serve(channel: socket.socket, job: Job) -> None:
    """Do what is asked for, until the other side closes the channel, which ends a job under way.

    The channel is of type SOCK_SEQPACKET. There must be no thread but this one.
    """
    while True:
        request, files, _, _ = socket.recv_fds(channel, _MOST_BYTES, _MOST_FILES)
        if not request:
            return
        child = _fork(channel, job, request, files)
        for each in files:
            os.close(each)
        if not _wait(child, channel):
            return


def _fork(channel: socket.socket, job: Job, request: bytes, files: Sequence[int]) -> int:
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        channel.close()
        # prctl(2): it is of no use where the parent ended before this.
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == parent:
            job(request, files)
            status = 0
    finally:
        # Of a fork nothing may go on as if it were the parent, whatever was raised.
        if status:
            traceback.print_exc()
        os._exit(status)


def _wait(child: int, channel: socket.socket) -> bool:
    """Until a job has ended; whether somebody still wants to know."""
    handle = os.pidfd_open(child)
    try:
        ready, _, _ = select.select([handle, channel.fileno()], [], [])
    finally:
        os.close(handle)
    if channel.fileno() in ready:
        # Nobody asks while a job is under way: it was closed.
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    try:
        channel.send(STATUS.pack(os.waitstatus_to_exitcode(status)))
    except OSError:
        return False
    return True
