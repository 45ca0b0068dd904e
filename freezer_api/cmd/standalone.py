"""Standalone mode: one command without configuration or other services, for
one person on one machine.
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
#: The permissions of everybody but the owner.
OTHERS = 0o077

BANNER = """\
freezer-api serves {url}/v2/PROJECT (PROJECT can be any name)
There is no authentication: everyone on this machine has full access. It
listens on the loopback interface only.
The data is stored in {folder}
Try:
  curl {url}/v2/demo/sessions -d '{{"description": "my first session", "schedule": {{}}}}'
  curl {url}/v2/demo/sessions
Stop it with Ctrl-C.
"""


class Unusable(OSError):
    """The data cannot be stored in a folder; the message says which and
    why.
    """


def default_folder() -> pathlib.Path:
    """Return the folder for the data if the user names none, as the XDG
    specification says. ``Unusable`` if the user has no home folder.
    """
    state = os.environ.get('XDG_STATE_HOME', '')
    # Relative paths are ignored, as the specification demands.
    if os.path.isabs(state):
        return pathlib.Path(state, 'freezer-api')
    try:
        return pathlib.Path.home() / '.local' / 'state' / 'freezer-api'
    except RuntimeError:
        raise Unusable(
            'this user has no home folder; use --state-dir to set a folder'
        ) from None


def configure(conf: cfg.ConfigOpts, folder: pathlib.Path) -> list[str]:
    """Set the options for a store in ``folder``, an absolute path that is
    created if necessary, and for the loopback interface.

    Only a policy file in that folder is used. Nobody else can read what this
    process creates from now on. Returns warnings about the permissions in the
    folder; raises ``Unusable`` if it cannot be used.
    """
    os.umask(0o077)
    _create(folder)
    for name, value, group in (
        ('bind_host', HOST, None),
        ('driver', 'sqlalchemy', 'storage'),
        ('connection', _url(str(folder / DATABASE)), 'database'),
        ('policy_file', str(folder / 'policy.yaml'), 'oslo_policy'),
    ):
        # For oslo.config "$" begins a reference to another option.
        conf.set_override(name, value.replace('$', '$$'), group=group)
    conf.set_override('policy_dirs', [], group='oslo_policy')
    return _restrict_permissions(folder)


def _create(folder: pathlib.Path) -> None:
    """Create a folder, and require that files can be written to it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Permissions do not tell that: the superuser needs none, and on a
        # read-only file system they are of no use.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError:
        reason = os.strerror(errno.ENOTDIR)
        raise Unusable(f'cannot store data in {folder}: {reason}') from None
    except OSError as error:
        raise Unusable(
            f'cannot store data in {folder}: {error.strerror}'
        ) from None


def _url(path: str) -> str:
    """Make the URL of a SQLite database.

    SQLAlchemy 2.0 and older change some paths when they parse a URL. Such a
    path is given in the form of SQLite's own URLs (``file:``).
    """
    plain = sqlalchemy.URL.create('sqlite', database=path).render_as_string()
    if sqlalchemy.make_url(plain).database == path:
        return plain
    name = f'file:{urllib.parse.quote(path)}'
    return sqlalchemy.URL.create(
        'sqlite', database=name, query={'uri': 'true'}
    ).render_as_string()


def _restrict_permissions(folder: pathlib.Path) -> list[str]:
    """Remove the permissions of others from the files of the database; return
    warnings about that, and about the folder, whose permissions are the
    user's choice.
    """
    warnings = []
    for suffix in ('', '-wal', '-shm', '-journal'):
        file = folder / f'{DATABASE}{suffix}'
        if file.exists() and file.stat().st_mode & OTHERS:
            file.chmod(0o600)
            warnings.append(
                f'other users could read or write {file}; its permissions'
                ' were corrected'
            )
    if folder.stat().st_mode & OTHERS:
        command = f'chmod 700 {shlex.quote(str(folder))}'
        warnings.append(
            f'other users can enter {folder}; to prevent that run: {command}'
        )
    return warnings


def banner(url: str, folder: pathlib.Path) -> str:
    """Return the text that is printed at the start."""
    return BANNER.format(url=url, folder=folder)
