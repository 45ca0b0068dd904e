"""Where the servers of benchmarks have their data: in memory, if there is room.

A server that doesn't wait for its disk waits for it all the same where it
writes to a page of a file that the system is just storing: up to half a second,
several times a minute.
"""

import os
import pathlib
import shutil
import tempfile

#: A file system in memory, of which benchmarks need some bytes.
FOLDER, NEEDED = pathlib.Path('/dev/shm'), 8 << 30


def use() -> None:
    """Make temporary folders in memory from now on, if there is room and
    ``TMPDIR`` doesn't say where to make them.
    """
    if 'TMPDIR' in os.environ or not FOLDER.is_dir():
        return
    if shutil.disk_usage(FOLDER).free >= NEEDED:
        tempfile.tempdir = str(FOLDER)


def place() -> str:
    """Return where temporary folders are made, for a report."""
    if pathlib.Path(tempfile.gettempdir()).is_relative_to(FOLDER):
        return 'in memory'
    return 'on a disk'
