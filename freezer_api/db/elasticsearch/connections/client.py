"""Requests to the cluster, and what their failures mean."""

import collections.abc
import functools
import logging
import threading
import time
import typing
import urllib.parse

import elastic_transport
import orjson
from oslo_config import cfg

from freezer_api import exceptions, permits
from freezer_api.db.elasticsearch.connections import answers, hosts
from freezer_api.db.elasticsearch.connections.products import Product

LOG = logging.getLogger(__name__)

OUT_OF_DATE = (
    'The indices of the storage are not those of this release. The operator'
    ' has to run: freezer-manage db sync'
)
#: Seconds before the first request that is sent again to an overloaded
#: cluster.
_PAUSE = 0.25
#: Upgrades in a row that one request may meet.
_MAX_UPGRADES = 5
#: Seconds that a node may go on with an index that it has no shards of any
#: more.
_REMOVAL = 0.1
#: Of the copies of a document all readers ask the same one. Another one may
#: not have a write yet that isn't acknowledged either: who read it in the
#: first could see it gone.
SAME_COPY = {'preference': 'freezer-api'}
#: Beside what a node answers to writes: the request was sent before, and that
#: may have been done, for its answer is lost.
RESENT = 'resent'

#: Status and JSON.
Answer = tuple[int, typing.Any]
_Send = collections.abc.Callable[[], typing.Any]


class Refused(Exception):
    """Why no host serves us; for the log and the operator's commands."""


class Missing(exceptions.SchemaOutOfDate):
    """A request was about an index that isn't there."""


class Client:
    """One cluster, shared by threads. Connects when it is first asked, again
    after :meth:`close` and after a fork.
    """

    def __init__(self, conf: cfg.ConfigOpts, product: Product):
        self.product = product
        self.conf = conf[product.group]
        self._connected: elastic_transport.Transport | None = None
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """Connect anew when it is asked next."""
        # Connections of the parent process are not this one's to close, and a
        # thread of it may have had the lock.
        self._lock = threading.Lock()
        self._connected = None

    @property
    def waits(self) -> bool:
        """Whether writes wait until searches see them, so that searches
        needn't make the index current first.
        """
        return bool(self.conf.read_your_writes == 'wait_for')

    def alias(self, kind: str) -> str:
        """Return the name under which the index of a kind is read."""
        return f'{self.conf.index}_{kind}'

    def call(
        self,
        method: str,
        path: str,
        body: typing.Any = None,
        params: collections.abc.Mapping[str, typing.Any] | None = None,
    ) -> Answer:
        """Send one request; return its status and its JSON. A list is sent as
        lines.

        It is sent again to other hosts if one can't be reached.
        ``StorageUnavailable`` if no host answers in time, or lets us in.
        """
        send = functools.partial(
            self._transport().perform_request,
            method,
            _target(path, params),
            headers=self._headers(body),
            body=_serialized(body),
        )
        lost: list[str] = []
        try:
            answer = self._send_to_current(send, path, lost)
        except elastic_transport.TransportError as error:
            raise exceptions.StorageUnavailable() from self._reason(error)
        status, told = answer.meta.status, answer.body
        self._check_product(status, answer.meta.headers)
        self._check(status, told)
        is_write = path.endswith('/_bulk')
        if lost and is_write and isinstance(told, dict):
            told = {
                **told,
                RESENT: True,
            }
        return status, told

    def _send_to_current(
        self, send: _Send, path: str, lost: list[str]
    ) -> typing.Any:
        """Send a request; again, if the index that it is about was just
        replaced by an upgrade.

        An alias names one index at a time, but the cluster may have looked
        the alias up before the upgrade and the index after it. And a node that
        removes an index gives up its shards first: searches fail meanwhile,
        in OpenSearch for some milliseconds.
        """
        answer = self._send_to_any_host(send, lost)
        if path.startswith('/_'):
            return answer
        asked = path[1:].split('/')[0].split(',')
        for _ in range(_MAX_UPGRADES):
            if answers.lacks_shards(answer.body):
                time.sleep(_REMOVAL)
                answer = self._send_to_any_host(send, lost)
                continue
            index = answers.missing(answer.body)
            # An index that the request names itself isn't there at all.
            if not index or index in asked:
                break
            answer = self._send_to_any_host(send, lost)
        return answer

    @permits.paused()
    def _send_to_any_host(self, send: _Send, lost: list[str]) -> typing.Any:
        """Send a request, and again to the next host if one can't be reached
        or is busy; return the last answer. ``lost`` comes to have what became
        of those that may have been done all the same.

        The library could do so as well, but logs a stack trace each time.
        """
        for attempt in range(self.conf.retries):
            try:
                answer = send()
            except elastic_transport.ConnectionTimeout:
                # A single host has had its time.
                if len(self.conf.hosts) == 1:
                    raise
                LOG.debug(
                    '%s: a host timed out; trying again.', self.product.name
                )
                lost.append('timed out')
            except elastic_transport.ConnectionError as error:
                LOG.debug(
                    '%s: a host was not reached (%s); trying again.',
                    self.product.name,
                    error.message,
                )
                lost.append(error.message)
            else:
                if self._is_final(answer, attempt, lost):
                    return answer
        return send()

    def _is_final(
        self, answer: typing.Any, attempt: int, lost: list[str]
    ) -> bool:
        """Tell whether no other host would answer otherwise; if one may, wait
        until it can be asked.
        """
        status = answer.meta.status
        if not answers.is_unserved(status, answer.body):
            return True
        if status == answers.TOO_MANY:
            # Who asks for less isn't given more at once.
            if answers.error_type(answer.body) == answers.BLOCK:
                return True
            time.sleep(_PAUSE * 2**attempt)
        else:
            lost.append(f'status {status}')
        LOG.debug(
            '%s: a host answered with status %s; trying again.',
            self.product.name,
            status,
        )
        return False

    def _headers(self, body: typing.Any) -> dict[str, str]:
        if isinstance(body, list):
            return self.product.lines
        return self.product.json

    def close(self) -> None:
        """Give up the connections."""
        with self._lock:
            connected, self._connected = self._connected, None
        if connected:
            connected.close()

    def _transport(self) -> elastic_transport.Transport:
        connected = self._connected
        if connected is not None:
            return connected
        with self._lock:
            if self._connected is None:
                self._connected = hosts.connect(self.conf)
            return self._connected

    # Why there is no answer

    def _reason(self, error: elastic_transport.TransportError) -> Exception:
        """Return why a request got no answer, and log it."""
        if not isinstance(error, elastic_transport.TlsError):
            # It may be over soon, and nothing is wrong with the configuration.
            LOG.warning(
                '%s: no host answers (%s): %s',
                self.product.name,
                type(error).__name__,
                error.message,
            )
            return error
        reason = (
            f'the certificate of a host is not trusted ([{self.product.group}]'
            f' ca_certs): {error.message}'
        )
        LOG.error('%s: %s', self.product.name, reason)
        return Refused(reason)

    def _check_product(
        self, status: int, headers: collections.abc.Mapping[str, str]
    ) -> None:
        """Raise, and log, if something else answers than the product."""
        product = self.product
        if not product.has_answered(status, headers):
            self._refuse(
                f'what answers at [{product.group}] hosts is not'
                f' {product.name} (status {status})'
            )

    def _check(self, status: int, body: typing.Any) -> None:
        """Raise, and log, if an answer says that the cluster doesn't serve
        us.
        """
        if answers.missing(body):
            raise Missing(OUT_OF_DATE)
        kind = answers.error_type(body)
        if kind == 'index_closed_exception':
            self._refuse('an index is closed')
        # That an index takes no writes is no matter of credentials.
        is_block = kind == answers.BLOCK
        if status == 401 or (status == 403 and not is_block):
            options = 'http_auth'
            if 'api_key' in self.conf:
                options += ' or api_key'
            reason = (
                f'the credentials ([{self.product.group}] {options}) are'
                f' refused with status {status}'
            )
            self._refuse(reason)
        is_room = is_block and status == answers.TOO_MANY
        if answers.is_unserved(status, body) and not is_room:
            reason = f'answers with status {status} ({kind or "in part"})'
            LOG.warning('%s: %s.', self.product.name, reason)
            raise exceptions.StorageUnavailable() from Refused(f'it {reason}')

    def _refuse(self, reason: str) -> typing.NoReturn:
        """Raise, and log, what only the operator can change."""
        LOG.error('%s: %s.', self.product.name, reason)
        raise exceptions.StorageUnavailable() from Refused(reason)


def _target(
    path: str, params: collections.abc.Mapping[str, typing.Any] | None
) -> str:
    """Return a path with its parameters."""
    if not params:
        return path
    return f'{path}?{urllib.parse.urlencode(params, safe=",*")}'


def _serialized(body: typing.Any) -> bytes | None:
    """Return a body as it is sent."""
    if body is None:
        return None
    if isinstance(body, list):
        return lines(body)
    return orjson.dumps(body)


def lines(values: collections.abc.Iterable[typing.Any]) -> bytes:
    """Return values as lines of JSON."""
    option = orjson.OPT_APPEND_NEWLINE
    return b''.join([orjson.dumps(value, option=option) for value in values])


def require_ok(answer: Answer) -> typing.Any:
    """Return the JSON of an answer to a request that manages indices.

    ``SchemaOutOfDate``, and why, if the cluster refuses it.
    """
    status, body = answer
    if status in (200, 201):
        return body
    if answers.missing(body):
        raise Missing(OUT_OF_DATE)
    reason = body
    if answers.error_type(body):
        reason = body['error'].get('reason')
    raise exceptions.SchemaOutOfDate(
        f'The cluster refuses what the schema needs, with status {status}:'
        f' {reason}'
    )
