"""What processes that serve do when they start and stop: they log which
release they are, which store they use and which schema that has, and limit the
search for garbage.
"""

import contextlib
import gc
import logging
import threading
import time

from oslo_config import cfg

from freezer_api import db, exceptions, version
from freezer_api.cmd import common
from freezer_api.db import base
from freezer_api.domain import search_pairs

LOG = logging.getLogger(__name__)

#: Logged in place of a schema's version that could not be read.
UNKNOWN = 'unknown'
#: Seconds that a WSGI server's process waits for the store when it starts.
#: These servers kill workers that take too long (gunicorn after 30 seconds).
PATIENCE = 5
#: How many new objects cause a garbage collection of the youngest generation,
#: and how many collections of one generation one of the next.
THRESHOLDS = (20_000, 20, 10)


def check_storage(storage: base.Storage) -> str:
    """Log a warning if the store is not ready, for a process starts without
    it; return the version of its schema, or :data:`UNKNOWN`.
    """
    try:
        storage.check()
    except exceptions.StorageUnavailable as error:
        LOG.warning(
            'Storage is not ready; requests get 503 until this is fixed: %s',
            common.describe(error),
        )
        if not isinstance(error, exceptions.SchemaOutOfDate):
            # Nothing answers: asking again would only take as long again.
            return UNKNOWN
    with contextlib.suppress(exceptions.StorageUnavailable):
        return schema_version(storage)
    return UNKNOWN


def schema_version(storage: base.Storage) -> str:
    """Return the version of a store's schema, ``none`` if it has none."""
    return storage.version() or 'none'


def describe_uncontracted(storage: base.Storage) -> str:
    """Say what is to be run when the processes of earlier releases are gone;
    '' if nothing is.
    """
    left = storage.uncontracted()
    if not left:
        return ''
    return (
        f'The schema still has what only releases before that of schema'
        f' {left[-1]} need. When no process of these runs any more, run:'
        ' freezer-manage db sync --contract'
    )


def check_storage_in_time(conf: cfg.ConfigOpts) -> str:
    """Do as :func:`check_storage`, but wait no longer than :data:`PATIENCE`
    seconds: a process that a WSGI server starts must not be late.

    It uses connections of its own and closes them, because the server may
    fork this process: connections must not be shared with the children.
    """
    found: list[str] = []
    storage = db.load(conf)

    def check() -> None:
        """Check in a thread; never raise."""
        try:
            with contextlib.closing(storage):
                found.append(check_storage(storage))
        except Exception as error:
            # The requests that meet the same error are answered and logged;
            # it must not keep the process from starting.
            LOG.warning('Could not check storage: %s', common.describe(error))

    # A daemon: a check that hangs must not keep the process from ending.
    thread = threading.Thread(target=check, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive():
        LOG.warning(
            'Storage did not answer within %d seconds; requests that need it'
            ' get 503 until it does.',
            PATIENCE,
        )
    return found[0] if found else UNKNOWN


def limit_garbage_collection() -> None:
    """Have Python search for garbage less often, and never among the objects
    that exist now, such as modules.

    A body of a million empty lists contains no garbage, but the search for it,
    again and again, took three quarters of the time of such a request. And a
    search among all modules keeps the other requests of a process waiting for
    a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


class Process:
    """Logs the start and the stop of one process."""

    def __init__(
        self, conf: cfg.ConfigOpts, storage: base.Storage, schema: str
    ):
        """Describe the process; ``schema`` is what :func:`check_storage`
        returned.
        """
        self._release = version.release()
        self._store = (
            f'storage driver {conf.storage.driver}'
            f' ({common.address(storage) or "address unknown"}), schema {schema},'
            f' search index version {search_pairs.INDEX_VERSION}'
        )
        self._started = time.monotonic()

    def log_start(self, what: str) -> None:
        """Log that the process starts, and ``what`` it does."""
        self._started = time.monotonic()
        LOG.info(
            'freezer-api %s starts: %s; %s', self._release, what, self._store
        )

    def log_stop(self) -> None:
        """Log that the process stops."""
        LOG.info(
            'freezer-api %s stops after %d seconds; %s',
            self._release,
            time.monotonic() - self._started,
            self._store,
        )
