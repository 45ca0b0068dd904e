"""Standalone mode: one command, no configuration, no other service; for one
person on one machine.
"""

import errno
import os
import pathlib
import shlex
import tempfile
import urllib.parse

import sqlalchemy
from oslo_config import cfg

HOST = '127.0.0.1'
DATABASE = 'freezer.sqlite'
#: The rights of everybody but the owner.
OTHERS = 0o077

BANNER = """\
freezer-api serves {url}/v2/PROJECT (any name will do for PROJECT)
There is no authentication: whoever uses this machine may do everything. It
listens on the loopback interface only.
The data are in {folder}
Try:
  curl {url}/v2/demo/sessions -d '{{"description": "my first session", "schedule": {{}}}}'
  curl {url}/v2/demo/sessions
Stop it with Ctrl-C.
"""


class Unusable(OSError):
    """The data can't be kept where they are to be; the message says where
    and why.
    """


def default_folder() -> pathlib.Path:
    """Where the user's programs keep their state."""
    state = os.environ.get('XDG_STATE_HOME', '')
    # The XDG specification has relative paths ignored.
    if os.path.isabs(state):
        return pathlib.Path(state, 'freezer-api')
    try:
        return pathlib.Path.home() / '.local' / 'state' / 'freezer-api'
    except RuntimeError:
        raise Unusable(
            'this user has no home folder; name a folder by --state-dir'
        ) from None


def configure(conf: cfg.ConfigOpts, folder: pathlib.Path) -> list[str]:
    """Point a configuration to a store in ``folder``, which is made if it
    isn't there, and to the loopback interface.

    ``folder`` is absolute. Policy counts in that folder only. What this
    process makes from now on, nobody else may read. The answer is what to tell
    the user about the rights in the folder; ``Unusable`` if it can't be used.
    """
    os.umask(0o077)
    _make(folder)
    for name, value, group in (
        ('bind_host', HOST, None),
        ('driver', 'sqlalchemy', 'storage'),
        ('connection', _url(str(folder / DATABASE)), 'database'),
        ('policy_file', str(folder / 'policy.yaml'), 'oslo_policy'),
    ):
        # oslo.config would take "$" for the beginning of an option's name.
        conf.set_override(name, value.replace('$', '$$'), group=group)
    conf.set_override('policy_dirs', [], group='oslo_policy')
    return _tighten(folder)


def _make(folder: pathlib.Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The rights don't tell it: the superuser has all of them, a file
        # system for reading has none.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError:
        reason = os.strerror(errno.ENOTDIR)
        raise Unusable(
            f'the data can not be kept in {folder}: {reason}'
        ) from None
    except OSError as error:
        raise Unusable(
            f'the data can not be kept in {folder}: {error.strerror}'
        ) from None


def _url(path: str) -> str:
    """The URL of a SQLite database. Up to 2.0, SQLAlchemy can't say every path
    in one, but for SQLite's own URLs.
    """
    plain = sqlalchemy.URL.create('sqlite', database=path).render_as_string()
    if sqlalchemy.make_url(plain).database == path:
        return plain
    name = f'file:{urllib.parse.quote(path)}'
    return sqlalchemy.URL.create(
        'sqlite', database=name, query={'uri': 'true'}
    ).render_as_string()


def _tighten(folder: pathlib.Path) -> list[str]:
    """Take the rights of others on the database away; what to tell about that,
    and about the folder, which is the user's.
    """
    told = []
    for suffix in ('', '-wal', '-shm', '-journal'):
        file = folder / f'{DATABASE}{suffix}'
        if file.exists() and file.stat().st_mode & OTHERS:
            file.chmod(0o600)
            told.append(
                f'others could read or write {file}; they can not any more'
            )
    if folder.stat().st_mode & OTHERS:
        remedy = f'chmod 700 {shlex.quote(str(folder))}'
        told.append(f'others may enter {folder}; to keep them out: {remedy}')
    return told


def banner(url: str, folder: pathlib.Path) -> str:
    """What is told on start."""
    return BANNER.format(url=url, folder=folder)
