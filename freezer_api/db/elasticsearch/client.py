"""Requests to the cluster, and what their failures mean."""

import collections.abc
import functools
import logging
import os
import re
import threading
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
#: A node that is overloaded, and proxies and nodes that can't serve. Each
#: write can be sent again: see :mod:`.commit`.
_BUSY = frozenset((429, 502, 503, 504))
#: Connections to a node that are kept; who comes when all are in use waits.
_CONNECTIONS = 64
#: How many in a row one request may meet.
_UPGRADES = 5
_MISSING = 'index_not_found_exception'
#: Of the copies of a document all readers ask the same: another one may not
#: have a write yet that isn't acknowledged either, and who read it in the
#: first could see it gone.
SAME_COPY = {'preference': 'freezer-api'}
#: The API of version 8, which servers of versions 8 and 9 speak, and which
#: every client that serves leaves as it is.
_TYPE = 'application/vnd.elasticsearch+%s; compatible-with=8'
_JSON = {'accept': _TYPE % 'json', 'content-type': _TYPE % 'json'}
_LINES = {'accept': _TYPE % 'json', 'content-type': _TYPE % 'x-ndjson'}

Answer = tuple[int, typing.Any]


class Refused(Exception):
    """Why no host serves us; for the log and the operator's commands."""


class Missing(exceptions.SchemaOutOfDate):
    """A request was about an index that isn't there."""


class _Json(serializer.CompatibilityModeJsonSerializer):
    """Reads answers by a faster library; bodies come in written already."""

    def json_loads(self, data: bytes) -> typing.Any:
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
        self._made: tuple[int, typing.Any] | None = None

    @property
    def waits(self) -> bool:
        """Whether writes wait until searches see them, so that searches
        needn't look for news.
        """
        return bool(self.conf.read_your_writes == 'wait_for')

    def alias(self, kind: str) -> str:
        """The name under which the index of a kind is read."""
        return f'{self.conf.index}_{kind}'

    def call(
        self,
        method: str,
        path: str,
        body: typing.Any = None,
        params: collections.abc.Mapping[str, typing.Any] | None = None,
    ) -> Answer:
        """Send one request; its status and its JSON. A list is sent as lines.

        Tried again on other hosts if one can't be reached.
        ``StorageUnavailable`` if no host answers in time, or lets us in.
        """
        data = (
            None
            if body is None
            else lines(body)
            if isinstance(body, list)
            else orjson.dumps(body)
        )
        send = functools.partial(
            self._client().perform_request,
            method,
            path,
            params=params,
            headers=_LINES if isinstance(body, list) else _JSON,
            body=data,
        )
        try:
            answer = self._answer(send)
            for _ in range(_UPGRADES):
                if path.startswith('/_') or missing(answer.body) in (
                    '',
                    *path[1:].split('/')[0].split(','),
                ):
                    break
                # What an alias has named until this moment is gone: an upgrade
                # has put another index in its place.
                answer = self._answer(send)
        except elastic_transport.TlsError as error:
            refused = (
                'the certificate of a host is not trusted ([elasticsearch]'
                f' ca_certs): {error.message}'
            )
            LOG.error('Elasticsearch: %s', refused)
            raise exceptions.StorageUnavailable() from Refused(refused)
        except elastic_transport.TransportError as error:
            LOG.warning(
                'Elasticsearch: no host answers (%s): %s',
                type(error).__name__,
                error.message,
            )
            raise exceptions.StorageUnavailable() from error
        except elasticsearch.UnsupportedProductError as error:
            LOG.error(
                'Elasticsearch: what answers at [elasticsearch] hosts is not'
                ' Elasticsearch.'
            )
            raise exceptions.StorageUnavailable() from Refused(
                f'what answers is not Elasticsearch ({error})'
            )
        return self._understood(answer.meta.status, answer.body)

    def _answer(
        self, send: collections.abc.Callable[[], typing.Any]
    ) -> typing.Any:
        """Send a request, and again to the next host where one can't be
        reached or is busy; the last one's answer.

        The library can do so as well, and logs a stack trace each time.
        """
        for _ in range(self.conf.retries):
            try:
                answer = send()
            except elastic_transport.ConnectionTimeout:
                if len(self.conf.hosts) == 1:
                    raise
            except elastic_transport.ConnectionError:
                continue
            else:
                if answer.meta.status not in _BUSY:
                    return answer
        return send()

    def close(self) -> None:
        """Give up the connections."""
        with self._lock:
            made, self._made = self._made, None
        if made and made[0] == os.getpid():
            made[1].close()

    def _understood(self, status: int, body: typing.Any) -> Answer:
        if missing(body):
            raise Missing(OUT_OF_DATE)
        kind = error_type(body)
        if (
            status == 401
            or status == 403
            and kind != 'cluster_block_exception'
        ):
            LOG.error(
                'Elasticsearch: the credentials ([elasticsearch] http_auth or'
                ' api_key) are refused with status %s.',
                status,
            )
            refused = (
                'the credentials ([elasticsearch] http_auth or api_key) are'
                f' refused with status {status}'
            )
            raise exceptions.StorageUnavailable() from Refused(refused)
        if status in _BUSY:
            LOG.warning(
                'Elasticsearch: answers with status %s (%s).', status, kind
            )
            raise exceptions.StorageUnavailable() from Refused(
                f'it answers with status {status} ({kind})'
            )
        return status, body

    def _client(self) -> typing.Any:
        made = self._made
        if made is not None and made[0] == os.getpid():
            return made[1]
        with self._lock:
            if self._made is None or self._made[0] != os.getpid():
                self._made = os.getpid(), connect(self.conf)
            return self._made[1]


def connect(conf: typing.Any) -> typing.Any:
    """A client of the library, by the options in ``[elasticsearch]``. Whatever
    the status of an answer, it returns it.
    """
    options: dict[str, typing.Any] = {
        'request_timeout': conf.timeout,
        'max_retries': 0,
        'connections_per_node': _CONNECTIONS,
        'serializers': {one.mimetype: one for one in (_Json(), _Plain())},
    }
    hosts = [_url(host, conf.use_ssl) for host in conf.hosts]
    if any(host.startswith('https:') for host in hosts):
        options |= {'verify_certs': conf.verify_certs, 'ssl_show_warn': False}
        if conf.verify_certs and conf.ca_certs:
            options['ca_certs'] = conf.ca_certs
    if conf.api_key:
        options['api_key'] = conf.api_key
    elif conf.http_auth:
        user, _, password = conf.http_auth.partition(':')
        options['basic_auth'] = user, password
    return elasticsearch.Elasticsearch(hosts, **options).options(
        ignore_status=range(400, 600)
    )


def addresses(conf: typing.Any) -> list[str]:
    """The hosts as URLs, without the credentials that may be in them."""
    return [
        re.sub('//[^/@]*@', '//', _url(host, conf.use_ssl))
        for host in conf.hosts
    ]


def lines(values: collections.abc.Iterable[typing.Any]) -> bytes:
    """Values as lines of JSON."""
    return b''.join(
        orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
        for value in values
    )


def done(answer: Answer) -> typing.Any:
    """The JSON of an answer, to whoever manages indices. ``SchemaOutOfDate``,
    and why, for what Elasticsearch refuses.
    """
    status, body = answer
    if status in (200, 201):
        return body
    if missing(body):
        raise Missing(OUT_OF_DATE)
    reason = body['error'].get('reason') if error_type(body) else body
    raise exceptions.SchemaOutOfDate(
        f'Elasticsearch refuses what the schema needs, with status {status}:'
        f' {reason}'
    )


def error_type(body: typing.Any) -> str:
    """What Elasticsearch calls the error in an answer; '' if it tells none."""
    error = body.get('error') if isinstance(body, dict) else None
    return str(error.get('type', '')) if isinstance(error, dict) else ''


def missing(body: typing.Any) -> str:
    """The index that isn't there, which is all that an answer complains of; ''
    otherwise.
    """
    if not error_type(body):
        return ''
    causes = body['error'].get('root_cause') or [body['error']]
    return (
        str(causes[0].get('index', ''))
        if {cause.get('type') for cause in causes} == {_MISSING}
        else ''
    )


def _url(host: str, use_ssl: bool) -> str:
    """A host of the option as a URL with a port."""
    scheme, separator, rest = host.rpartition('://')
    scheme = scheme if separator else 'https' if use_ssl else 'http'
    address, _, path = rest.partition('/')
    if not address.rpartition(':')[2].isdigit():
        address = f'{address}:9200'
    return f'{scheme}://{address}' + (f'/{path}' if path else '')
