"""Writing: files and folders that are whole or not there, and never at the expense of others'.

`replacing_file` writes one file. `OutputFolder` is how every command writes a folder: it is
claimed (made, tried, locked) before time is spent, its manifest lists what crosswall wrote there,
and only what that lists is ever replaced or removed. `locked` holds a lock file.
"""

from .locks import locked
from .manifest import Manifest, digest_of
from .output import OutputFolder
from .single import check_file, replacing_file

__all__ = ["Manifest", "OutputFolder", "check_file", "digest_of", "locked", "replacing_file"]
