"""The health checks: whether the process lives, and whether it can serve."""

import collections.abc
import concurrent.futures
import logging
import threading
import typing

import oslo_middleware.exceptions
from oslo_config import cfg
from oslo_context import context
from oslo_middleware import healthcheck
from oslo_middleware.healthcheck import pluginbase

from freezer_api.conf import middleware as options
from freezer_api.db import base
from freezer_api.middleware import errors
from freezer_api.middleware.responses import Application

LOG = logging.getLogger(__name__)
HEALTHCHECK_PATH = '/healthcheck'
READINESS_PATH = '/healthcheck/ready'


class StorageProbe:
    """Finds out whether a storage answers and has this release's schema. One
    thread at a time asks it.
    """

    #: Seconds, less than load balancers have patience for.
    PATIENCE = 3

    def __init__(self, storage: base.Storage):
        self._storage = storage
        self._running: concurrent.futures.Future[None] | None = None

    def result(self) -> pluginbase.HealthcheckResult:
        """Return the result within :attr:`PATIENCE`. A bad one is logged with
        its reason.

        A check that hangs since an earlier request isn't joined by another
        one: threads would pile up while a database is away.
        """
        if self._running is None or self._running.done():
            self._running = self._start()
        try:
            self._running.result(self.PATIENCE)
        except concurrent.futures.TimeoutError:
            LOG.warning(
                'The storage is not ready: no answer in %d seconds.',
                self.PATIENCE,
            )
            return pluginbase.HealthcheckResult(False, 'storage timed out')
        except Exception as error:
            reason = errors.reason_of(error)
            LOG.warning('The storage is not ready: %s', reason)
            return pluginbase.HealthcheckResult(
                False, 'storage unavailable', str(error)
            )
        return pluginbase.HealthcheckResult(True, 'OK')

    def _start(self) -> concurrent.futures.Future[None]:
        future: concurrent.futures.Future[None] = concurrent.futures.Future()
        # A daemon: a check that hangs must not keep the process from ending,
        # as an executor's thread does.
        threading.Thread(
            target=_complete,
            args=(future, self._storage.check, context.get_current()),
            daemon=True,
        ).start()
        return future


def _complete(
    future: concurrent.futures.Future[None],
    check: collections.abc.Callable[[], None],
    asked_by: context.RequestContext | None,
) -> None:
    """Run a check, whose log records bear the id of the request that asked."""
    if asked_by is not None:
        asked_by.update_store()
    try:
        check()
        future.set_result(None)
    except Exception as error:
        future.set_exception(error)


class StorageHealthcheck(pluginbase.HealthcheckBaseExtension):
    """The backend ``freezer_storage``: what the probe of the application's
    storage finds.
    """

    def __init__(self, oslo_conf: cfg.ConfigOpts, conf: dict[str, typing.Any]):
        super().__init__(oslo_conf, conf)
        # oslo.middleware makes the backends; the probe is given afterwards.
        self.probe: StorageProbe | None = None

    def healthcheck(self, server_port: int) -> pluginbase.HealthcheckResult:
        """Return :meth:`StorageProbe.result`."""
        if self.probe is None:
            return pluginbase.HealthcheckResult(False, 'no storage')
        return self.probe.result()


class Healthcheck(healthcheck.Healthcheck):
    """oslo.middleware's health check, by the backends that ``[healthcheck]``
    names: by default, whether the process lives.

    ``application`` answers callers that it is not for
    (``allowed_source_ranges``). ``cfg.Error`` if an option is invalid.
    """

    def __init__(
        self,
        application: Application,
        conf: cfg.ConfigOpts,
        probe: StorageProbe,
    ):
        try:
            super().__init__(application, conf)
        except (ValueError, oslo_middleware.exceptions.ConfigInvalid) as error:
            raise cfg.ConfigFileValueError(f'[healthcheck]: {error}') from None
        # Versions of the library below 7 compare the path themselves, with
        # the prefix in it. Our gate has compared it.
        self._ignore_path = True
        for extension in self._backends:
            if isinstance(extension.obj, StorageHealthcheck):
                extension.obj.probe = probe


class Readiness(Healthcheck):
    """The same by the backend ``freezer_storage`` alone: whether the process
    can serve.
    """

    def _conf_get(self, key: str, group: str = 'healthcheck') -> typing.Any:
        # The library reads its options by this method.
        if key == 'backends':
            return [options.STORAGE_BACKEND]
        return super()._conf_get(key, group)
