"""Standalone mode: one command, no configuration, no other service; for one person on one machine."""

import os
import pathlib

from oslo_config import cfg

HOST = '127.0.0.1'
DATABASE = 'freezer.sqlite'

BANNER = """\
freezer-api serves {url}/v2/PROJECT (any name will do for PROJECT)
There is no authentication: whoever uses this machine may do everything. It listens on the loopback interface only.
The data are in {folder}
Try:
  curl {url}/v2/demo/sessions -d '{{"description": "my first session", "schedule": {{}}}}'
  curl {url}/v2/demo/sessions
Stop it with Ctrl-C.
"""


def default_folder() -> pathlib.Path:
    """Where the user's programs keep their state."""
    state = os.environ.get('XDG_STATE_HOME', '')
    # The XDG specification has relative paths ignored.
    base = pathlib.Path(state) if os.path.isabs(state) else pathlib.Path.home() / '.local' / 'state'
    return base / 'freezer-api'


def configure(conf: cfg.ConfigOpts, folder: pathlib.Path) -> None:
    """Point a configuration to a store in ``folder``, which is made if it isn't there, and to the loopback interface.

    A ``policy.yaml`` counts in that folder only. ``OSError`` if the folder can't be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    conf.set_override('bind_host', HOST)
    conf.set_override('driver', 'sqlalchemy', group='storage')
    conf.set_override('connection', f'sqlite:///{folder.absolute() / DATABASE}', group='database')
    conf.set_override('policy_file', str(folder.absolute() / 'policy.yaml'), group='oslo_policy')


def banner(url: str, folder: pathlib.Path) -> str:
    """What is told on start."""
    return BANNER.format(url=url, folder=folder)
