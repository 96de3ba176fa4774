"""Whether somebody else can have written what is about to be executed.

Caches of compiled code may lie in places that several users share.
"""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

__all__ = ["WRITABLE_BY_OTHERS", "doubt"]

WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
"""Mode bits that nothing to be executed has."""


def doubt(path: Path, *, shared: bool = False) -> str:
    """Return why ``path`` cannot be trusted: it belongs to a user other than this one and root,
    or such a user can write to it; an empty text if it can.

    Of a folder this tells nothing about what lies in it.

    Parameters
    ----------
    shared
        Trust a folder to which others may write if each can remove only their own there, as in
        /tmp: what lies in it must be looked at too.

    Raises
    ------
    OSError
        If it cannot be looked at.
    """
    status = path.stat()
    for owner in (path.lstat().st_uid, status.st_uid):  # a link's, and that of where it leads
        if owner not in (0, os.geteuid()):
            return f"belongs to {_user(owner)}"
    if status.st_mode & WRITABLE_BY_OTHERS and not (shared and status.st_mode & stat.S_ISVTX):
        return f"can be written by other users (mode {stat.S_IMODE(status.st_mode):04o})"
    return ""


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
