"""What the commands of ``freezer-manage`` share: stores that are opened and
closed, what is logged of a command, and how it tells how far it is.
"""

import collections.abc
import contextlib
import logging
import os
import time
import typing

import tqdm
from oslo_config import cfg

from freezer_api import db, version
from freezer_api.cmd import common
from freezer_api.conf import files
from freezer_api.db import base, copying, walks

LOG = logging.getLogger(__name__)
PROG = 'freezer-manage'


class CommandLog:
    """Logs what a command did, and how long it took since this was made."""

    def __init__(self, conf: cfg.ConfigOpts):
        words = (conf.command.name, getattr(conf.command, 'action', ''))
        self._command = ' '.join(filter(None, words))
        self._began = time.monotonic()

    def log(self, where: str, effect: str) -> None:
        """Log at INFO what the ``effect`` was on the store at an address."""
        LOG.info(
            '%s %s, %s, %s: %s; %.1f seconds',
            PROG,
            version.release(),
            self._command,
            where or 'address unknown',
            effect,
            time.monotonic() - self._began,
        )


def describe_drift(drift: walks.Drift) -> str:
    """Describe in one line what is inconsistent."""
    subject = drift.kind
    if drift.id:
        subject += f' {drift.id}'
    if drift.project_id:
        subject += f' in project {drift.project_id}'
    return f'{subject}: {drift.what}'


def list_counts(counts: collections.abc.Mapping[str, int]) -> str:
    """List how many there are of each kind: ``3 sessions, 8 jobs``."""
    parts = [f'{count} {kind}' for kind, count in counts.items() if count]
    return ', '.join(parts) or 'nothing'


def open_store(conf: cfg.ConfigOpts) -> contextlib.closing[base.Storage]:
    """Load the store of a configuration; it is closed at the end of the
    ``with`` block.
    """
    located = common.Located(db.load(conf))
    return contextlib.closing(typing.cast(base.Storage, located))


def open_named_store(
    conf: cfg.ConfigOpts, name: str
) -> contextlib.closing[base.Storage]:
    """Load the store that ``--from`` or ``--to`` names: by a configuration
    file of its own, or by a driver's name.
    """
    if os.sep in name or os.path.isfile(name):
        other = common.read_file(name, PROG)
        files.validate(other)
        return open_store(other)
    # Drivers read their options when they are loaded, so the other store may
    # have another driver by the same configuration.
    conf.set_override('driver', name, 'storage')
    try:
        return open_store(conf)
    finally:
        conf.clear_override('driver', 'storage')


@contextlib.contextmanager
def no_progress(
    step: str, total: int
) -> collections.abc.Iterator[copying.Advance]:
    """Show nothing of a step, for reports that programs read."""
    yield lambda _: None


@contextlib.contextmanager
def show_progress(
    step: str, total: int
) -> collections.abc.Iterator[copying.Advance]:
    """Show a progress bar on a terminal; elsewhere print a line at the end of
    each step that had anything to do.
    """
    with tqdm.tqdm(
        desc=step, total=total, unit='', disable=None, leave=False
    ) as bar:
        yield bar.update
        # tqdm decides by itself whether standard error is a terminal.
        has_no_bar = bar.disable
    if has_no_bar and total:
        print(f'{step}: done', flush=True)
