"""Requests to the cluster, and what their failures mean."""

import collections.abc
import functools
import logging
import os
import re
import threading
import time
import typing

import elastic_transport
import elasticsearch
import orjson
from elasticsearch import serializer
from oslo_config import cfg

from freezer_api import exceptions

LOG = logging.getLogger(__name__)

OUT_OF_DATE = (
    'The indices of the storage are not those of this release. The operator'
    ' has to run: freezer-manage db sync'
)
#: Statuses of nodes that are overloaded, and of proxies and nodes that can't
#: serve. Each write can be sent again: see
#: :mod:`freezer_api.db.elasticsearch.commits.transactions`.
_BUSY = frozenset((429, 502, 503, 504))
_TOO_MANY = 429
#: Seconds before the first request that is sent again to an overloaded
#: cluster.
_PAUSE = 0.25
#: What the library raises if no answer comes that can be used.
_FAILURES = (
    elastic_transport.TransportError,
    elasticsearch.UnsupportedProductError,
)
#: Connections to a node that are kept; a thread that finds all in use waits.
_CONNECTIONS = 64
#: Upgrades in a row that one request may meet.
_MAX_UPGRADES = 5
_MISSING = 'index_not_found_exception'
#: Of the copies of a document all readers ask the same one. Another one may
#: not have a write yet that isn't acknowledged either: who read it in the
#: first could see it gone.
SAME_COPY = {'preference': 'freezer-api'}
#: The API of version 8, which servers of versions 8 and 9 speak, and which
#: every client that serves leaves as it is.
_TYPE = 'application/vnd.elasticsearch+%s; compatible-with=8'
_JSON = {
    'accept': _TYPE % 'json',
    'content-type': _TYPE % 'json',
}
_LINES = {
    'accept': _TYPE % 'json',
    'content-type': _TYPE % 'x-ndjson',
}

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


class _Json(serializer.CompatibilityModeJsonSerializer):
    """Reads answers by a faster library; bodies come in written already."""

    def json_loads(self, data: bytes) -> typing.Any:
        """Return what JSON says."""
        return orjson.loads(data)


class _Plain(_Json):
    mimetype = 'application/json'


class Client:
    """One cluster, shared by threads. Connects when it is first asked, again
    after :meth:`close` and after a fork.
    """

    def __init__(self, conf: cfg.ConfigOpts):
        self.conf = conf.elasticsearch
        self._lock = threading.Lock()
        #: The process that has connected, and the library's client.
        self._connected: tuple[int, typing.Any] | None = None

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
            self._client().perform_request,
            method,
            path,
            params=params,
            headers=_LINES if isinstance(body, list) else _JSON,
            body=_serialized(body),
        )
        lost: list[str] = []
        try:
            answer = self._send_to_current(send, path, lost)
        except _FAILURES as error:
            raise exceptions.StorageUnavailable() from _reason(error)
        told = answer.body
        if lost and isinstance(told, dict):
            told = {
                **told,
                RESENT: True,
            }
        return _checked(answer.meta.status, told)

    def _send_to_current(
        self, send: _Send, path: str, lost: list[str]
    ) -> typing.Any:
        """Send a request; again, if the index that it is about was just
        replaced by an upgrade.

        An alias names one index at a time, but Elasticsearch may have looked
        the alias up before the upgrade and the index after it.
        """
        answer = self._send_to_any_host(send, lost)
        if path.startswith('/_'):
            return answer
        asked = path[1:].split('/')[0].split(',')
        for _ in range(_MAX_UPGRADES):
            index = missing(answer.body)
            # An index that the request names itself isn't there at all.
            if not index or index in asked:
                break
            answer = self._send_to_any_host(send, lost)
        return answer

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
                LOG.debug('Elasticsearch: a host timed out; trying again.')
                lost.append('timed out')
            except elastic_transport.ConnectionError as error:
                LOG.debug(
                    'Elasticsearch: a host was not reached (%s); trying'
                    ' again.',
                    error.message,
                )
                lost.append(error.message)
            else:
                status = answer.meta.status
                if status not in _BUSY:
                    return answer
                if status == _TOO_MANY:
                    # Who asks for less isn't given more at once.
                    if error_type(answer.body) == 'cluster_block_exception':
                        return answer
                    time.sleep(_PAUSE * 2**attempt)
                else:
                    lost.append(f'status {status}')
                LOG.debug(
                    'Elasticsearch: a host answered with status %s; trying'
                    ' again.',
                    status,
                )
        return send()

    def close(self) -> None:
        """Give up the connections."""
        with self._lock:
            connected, self._connected = self._connected, None
        # Connections of the parent process are not this one's to close.
        if connected and connected[0] == os.getpid():
            connected[1].close()

    def _client(self) -> typing.Any:
        connected = self._connected
        if connected is not None and connected[0] == os.getpid():
            return connected[1]
        with self._lock:
            if self._connected is None or self._connected[0] != os.getpid():
                self._connected = os.getpid(), connect(self.conf)
            return self._connected[1]


def _serialized(body: typing.Any) -> bytes | None:
    """Return a body as it is sent."""
    if body is None:
        return None
    if isinstance(body, list):
        return lines(body)
    return orjson.dumps(body)


def _reason(error: Exception) -> Exception:
    """Return why a request got no answer, and log it."""
    if isinstance(error, elastic_transport.TlsError):
        reason = (
            'the certificate of a host is not trusted ([elasticsearch]'
            f' ca_certs): {error.message}'
        )
    elif isinstance(error, elastic_transport.TransportError):
        # It may be over soon, and nothing is wrong with the configuration.
        LOG.warning(
            'Elasticsearch: no host answers (%s): %s',
            type(error).__name__,
            error.message,
        )
        return error
    else:
        reason = (
            'what answers at [elasticsearch] hosts is not Elasticsearch'
            f' ({error})'
        )
    LOG.error('Elasticsearch: %s', reason)
    return Refused(reason)


def _checked(status: int, body: typing.Any) -> Answer:
    """Return an answer; raise, and log, if it says that the cluster doesn't
    serve us.
    """
    if missing(body):
        raise Missing(OUT_OF_DATE)
    kind = error_type(body)
    if kind == 'index_closed_exception':
        reason = 'an index is closed'
        LOG.error('Elasticsearch: %s.', reason)
        raise exceptions.StorageUnavailable() from Refused(reason)
    # That an index takes no writes is no matter of credentials.
    is_block = kind == 'cluster_block_exception'
    if status == 401 or (status == 403 and not is_block):
        reason = (
            'the credentials ([elasticsearch] http_auth or api_key) are'
            f' refused with status {status}'
        )
        LOG.error('Elasticsearch: %s.', reason)
        raise exceptions.StorageUnavailable() from Refused(reason)
    if status in _BUSY and not (is_block and status == _TOO_MANY):
        reason = f'answers with status {status} ({kind})'
        LOG.warning('Elasticsearch: %s.', reason)
        raise exceptions.StorageUnavailable() from Refused(f'it {reason}')
    return status, body


def connect(conf: typing.Any) -> typing.Any:
    """Return a client of the library, by the options in ``[elasticsearch]``.
    It returns each answer, whatever its status.
    """
    serializers = {}
    for one in (_Json(), _Plain()):
        serializers[one.mimetype] = one
    options: dict[str, typing.Any] = {
        'request_timeout': conf.timeout,
        'max_retries': 0,
        'connections_per_node': _CONNECTIONS,
        'serializers': serializers,
    }
    hosts = [_url(host, conf.use_ssl) for host in conf.hosts]
    if any(host.startswith('https:') for host in hosts):
        options['verify_certs'] = conf.verify_certs
        options['ssl_show_warn'] = False
        if conf.verify_certs and conf.ca_certs:
            options['ca_certs'] = conf.ca_certs
    if conf.api_key:
        options['api_key'] = conf.api_key
    elif conf.http_auth:
        user, _, password = conf.http_auth.partition(':')
        options['basic_auth'] = user, password
    made = elasticsearch.Elasticsearch(hosts, **options)
    return made.options(ignore_status=range(400, 600))


def addresses(conf: typing.Any) -> list[str]:
    """Return the hosts as URLs, without the credentials that may be in
    them.
    """
    found = []
    for host in conf.hosts:
        url = _url(host, conf.use_ssl)
        found.append(re.sub('//[^/@]*@', '//', url))
    return found


def lines(values: collections.abc.Iterable[typing.Any]) -> bytes:
    """Return values as lines of JSON."""
    option = orjson.OPT_APPEND_NEWLINE
    return b''.join([orjson.dumps(value, option=option) for value in values])


def require_ok(answer: Answer) -> typing.Any:
    """Return the JSON of an answer to a request that manages indices.

    ``SchemaOutOfDate``, and why, if Elasticsearch refuses it.
    """
    status, body = answer
    if status in (200, 201):
        return body
    if missing(body):
        raise Missing(OUT_OF_DATE)
    reason = body
    if error_type(body):
        reason = body['error'].get('reason')
    raise exceptions.SchemaOutOfDate(
        f'Elasticsearch refuses what the schema needs, with status {status}:'
        f' {reason}'
    )


def error_type(body: typing.Any) -> str:
    """Return what Elasticsearch calls the error in an answer; '' if there is
    none.
    """
    if not isinstance(body, dict):
        return ''
    error = body.get('error')
    if not isinstance(error, dict):
        return ''
    return str(error.get('type', ''))


def missing(body: typing.Any) -> str:
    """Return the index that isn't there, if that is all that an answer
    complains of; '' otherwise.
    """
    if not error_type(body):
        return ''
    causes = body['error'].get('root_cause') or [body['error']]
    if any(cause.get('type') != _MISSING for cause in causes):
        return ''
    return str(causes[0].get('index', ''))


def _url(host: str, use_ssl: bool) -> str:
    """Return a host of the option as a URL with a port."""
    scheme, separator, rest = host.rpartition('://')
    if not separator:
        scheme = 'https' if use_ssl else 'http'
    address, _, path = rest.partition('/')
    _, _, port = address.rpartition(':')
    if not port.isdigit():
        address = f'{address}:9200'
    url = f'{scheme}://{address}'
    if path:
        url += f'/{path}'
    return url
