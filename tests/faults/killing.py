"""Ends a forked process at a system call that is chosen: ptrace(2), by ctypes.

Files change in a few system calls alone, so a process that is killed before and after any of them
is killed in every state that its files are ever in.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable
from typing import NamedTuple

_TRACEME, _CONT, _SYSCALL, _SETOPTIONS, _GET_SYSCALL_INFO = 0, 7, 24, 0x4200, 0x420E
_EXITKILL, _SYSGOOD = 0x100000, 1
_AT_CALL = signal.SIGTRAP | 0x80
_MARK = signal.SIGUSR1
_CHANGING = {
    # write, pwrite64, writev, pwritev, fsync, fdatasync, ftruncate, rename, unlink, mkdir,
    # unlinkat, renameat, renameat2
    "x86_64": frozenset((1, 18, 20, 296, 74, 75, 77, 82, 87, 83, 263, 264, 316)),
    "aarch64": frozenset((64, 68, 66, 70, 82, 83, 46, 34, 35, 38, 276)),
}
_OPENAT = {"x86_64": 257, "aarch64": 56}
_MACHINE = os.uname().machine
_ENTRY = 1
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class Moment(NamedTuple):
    """After so many marks, and then so many stops: before and after system calls that change files
    or what others read."""

    marks: int
    stops: int


class Ending(NamedTuple):
    """``stops``: how many there were since the mark. ``status`` is that of a process that ended by
    itself, None for one that was killed."""

    stops: int
    status: int | None


def is_possible() -> bool:
    """Whether processes may be followed here, on a machine whose system calls are known."""
    if _MACHINE not in _CHANGING:
        return False
    try:
        killed_at(Moment(0, 1), lambda: None)
    except OSError:
        return False
    return True


def mark() -> None:
    """In the process: a step is about to begin."""
    os.kill(os.getpid(), _MARK)


def killed_at(moment: Moment, live: Callable[[], None]) -> Ending:
    """Forks, has the child live, and kills it at a moment, or at the mark that comes after it."""
    child = os.fork()
    if not child:
        try:
            _ptrace(_TRACEME, 0, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            live()
            os._exit(0)
        finally:
            os._exit(1)
    return _Traced(child).until(moment)


class _Info(ctypes.Structure):
    """ptrace(2), PTRACE_GET_SYSCALL_INFO, for a stop before a call."""

    _fields_ = (
        ("op", ctypes.c_uint8),
        ("arch", ctypes.c_uint32),
        ("instruction", ctypes.c_uint64),
        ("stack", ctypes.c_uint64),
        ("number", ctypes.c_uint64),
        ("arguments", ctypes.c_uint64 * 6),
    )


class _Traced:
    def __init__(self, child: int) -> None:
        self._child = child
        self._reason = 0  # of the last stop: a signal
        self._changing = False  # whether it is in a call that changes something
        self._wait()
        _ptrace(_SETOPTIONS, child, _EXITKILL | _SYSGOOD)

    def until(self, moment: Moment) -> Ending:
        for _ in range(moment.marks):
            if (status := self._go(_CONT, lambda reason: reason == _MARK)) is not None:
                return Ending(0, status)
        stops = 0
        while stops < moment.stops:
            if (
                status := self._go(_SYSCALL, lambda reason: reason in (_AT_CALL, _MARK))
            ) is not None:
                return Ending(stops, status)
            if self._reason == _MARK:
                break
            stops += self._is_at_change()
        os.kill(self._child, signal.SIGKILL)
        self._wait()
        return Ending(stops, None)

    def _is_at_change(self) -> bool:
        """At a stop: whether it is before or after a call that changes something."""
        info = _Info()
        size = ctypes.sizeof(info)
        _ptrace(_GET_SYSCALL_INFO, self._child, ctypes.addressof(info), size)
        if info.op != _ENTRY:
            changed, self._changing = self._changing, False
            return changed
        makes = info.number == _OPENAT[_MACHINE] and info.arguments[2] & os.O_CREAT
        self._changing = bool(makes) or info.number in _CHANGING[_MACHINE]
        return self._changing

    def _go(self, request: int, wanted: Callable[[int], bool]) -> int | None:
        """Until a stop that is wanted; an exit status where it ended before."""
        deliver = 0
        while True:
            _ptrace(request, self._child, deliver)
            status = self._wait()
            if not os.WIFSTOPPED(status):
                return os.waitstatus_to_exitcode(status)
            self._reason = os.WSTOPSIG(status)
            if wanted(self._reason):
                return None
            deliver = 0 if self._reason in (_AT_CALL, _MARK) else self._reason

    def _wait(self) -> int:
        return os.waitpid(self._child, 0)[1]


def _ptrace(request: int, pid: int, data: int, address: int = 0) -> None:
    if _libc.ptrace(request, pid, address, data) == -1:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
