"""Gives up root: becomes an ordinary user that can bind low ports, and nothing that it starts can.

Workers and the compiler are started later, by that user: they have no capability at all. Control
alone keeps CAP_NET_BIND_SERVICE where low ports are listened on, because it binds port 53 anew when
it replaces workers, and Linux lets only sockets of one user share a port (SO_REUSEPORT).
"""

from __future__ import annotations

import ctypes
import os
import pwd
from grp import getgrnam
from pathlib import Path
from typing import NamedTuple

from geodns.errors import GeodnsError

# linux/prctl.h and linux/capability.h; Python has no names for them.
_PR_SET_KEEPCAPS = 8
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_NET_BIND_SERVICE = 1 << 10
_libc = ctypes.CDLL(None, use_errno=True)


class PrivilegeError(GeodnsError):
    """The server can't become the user that it is to run as."""


class Identity(NamedTuple):
    """Whom to become: ``user`` is the name for messages, the numbers are what counts."""

    user: str
    uid: int
    gid: int


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    """One half of the capability sets, each a mask: capabilities 0 to 31, then 32 to 63."""

    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def identity(user: str | None, group: str | None) -> Identity | None:
    """Whom this process is to become; None where it stays who it is.

    Raises PrivilegeError where that user does not exist, or this process can't become it.
    """
    if user is None:
        if group is not None:
            raise PrivilegeError("`group` says nothing without `user`; set both or neither")
        return None
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise PrivilegeError(
            f"there is no user {user} on this machine; create it, or change `user`"
        ) from None
    try:
        gid = getgrnam(group).gr_gid if group is not None else account.pw_gid
    except KeyError:
        raise PrivilegeError(
            f"there is no group {group} on this machine; create it, or change `group`"
        ) from None
    if os.geteuid() == account.pw_uid:
        return None
    if os.geteuid() != 0:
        raise PrivilegeError(
            f"started as {_name(os.geteuid())}, which can't become {user}; start as root or as"
            f" {user}, or leave `user` out"
        )
    return Identity(user, account.pw_uid, gid)


def give_folder(folder: Path, owner: Identity) -> None:
    """Makes a folder that is not there yet, for its owner alone and the owner's group.

    One that exists stays as it is: what lies in it may be a trap for root. Raises PrivilegeError.
    """
    if folder.exists():
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o750)
        # By its descriptor: in a folder of another user's, the name may lead elsewhere by now.
        made = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchown(made, owner.uid, owner.gid)
        finally:
            os.close(made)
    except OSError as error:
        raise PrivilegeError(f"the folder {folder} can't be made: {error.strerror}") from error


def become(owner: Identity, *, bind_low_ports: bool) -> None:
    """Becomes a user for good, with that user's groups. Raises PrivilegeError.

    To be called by the thread that binds: Linux has capabilities per thread, others keep none.
    """
    kept = _CAP_NET_BIND_SERVICE if bind_low_ports else 0
    try:
        # Else Linux takes every capability from a root that becomes someone else.
        _prctl(_PR_SET_KEEPCAPS, 1)
        os.initgroups(owner.user, owner.gid)
        os.setresgid(owner.gid, owner.gid, owner.gid)
        os.setresuid(owner.uid, owner.uid, owner.uid)
        _prctl(_PR_SET_KEEPCAPS, 0)
        _keep_capabilities(kept)
    except OSError as error:
        raise PrivilegeError(f"can't become the user {owner.user}: {error.strerror}") from error
    if os.getresuid() != (owner.uid,) * 3 or os.getresgid() != (owner.gid,) * 3 or _root_again():
        raise PrivilegeError(f"could become root again after having become {owner.user}")


def confine() -> None:
    """From here on, nothing that is executed gets more rights than this process's user has.

    As a user, it keeps no capability but the one for low ports, which systemd may have given it,
    and hands not even that to the processes it starts. Raises PrivilegeError.
    """
    try:
        # prctl(2): set-user-ID bits and file capabilities have no effect from now on.
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        if os.geteuid() != 0:
            _keep_capabilities(_CAP_NET_BIND_SERVICE)
    except OSError as error:
        raise PrivilegeError(f"rights can't be given up: {error.strerror}") from error


def _root_again() -> bool:
    try:
        os.setuid(0)
    except PermissionError:
        return False
    return True


def _prctl(option: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    if _libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero) < 0:
        raise _last_error()


def _keep_capabilities(mask: int) -> None:
    """Keeps those of these capabilities that it has; the programs that it runs get none."""
    header, data = _Header(_CAPABILITY_VERSION_3, 0), (_Data * 2)()
    if _libc.capget(ctypes.byref(header), data) < 0:
        raise _last_error()
    kept = data[0].permitted & mask
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    data[0], data[1] = _Data(kept, kept, 0), _Data(0, 0, 0)
    if _libc.capset(ctypes.byref(header), data) < 0:
        raise _last_error()


def _last_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
