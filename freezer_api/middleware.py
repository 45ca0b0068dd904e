"""What every request passes before and after the API: its id, faults, who may
speak; and the one table from errors to HTTP.
"""

import collections.abc
import concurrent.futures
import ipaddress
import logging
import re
import threading
import typing

import keystoneauth1.exceptions
import keystonemiddleware.opts
import orjson
import oslo_middleware.exceptions
import webob.exc
from keystonemiddleware import auth_token
from oslo_config import cfg
from oslo_context import context
from oslo_middleware import healthcheck
from oslo_middleware.healthcheck import pluginbase

from freezer_api import exceptions
from freezer_api.conf import middleware as options
from freezer_api.conf import packages
from freezer_api.db import base

LOG = logging.getLogger(__name__)
Environ = dict[str, typing.Any]
Headers = list[tuple[str, str]]
StartResponse = collections.abc.Callable[..., typing.Any]
Application = collections.abc.Callable[
    [Environ, StartResponse], collections.abc.Iterable[bytes]
]
#: As oslo.middleware has it: what one service hands on to the next.
REQUEST_ID = re.compile(
    r'req-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}'
)
HOST = re.compile(
    r'(?:\[(?P<bracketed>[0-9a-f:.]+)\]|(?P<plain>[^:/@\[\]]*))(?::[0-9]*)?'
)
HEALTHCHECK_PATH = '/healthcheck'
READINESS_PATH = '/healthcheck/ready'
HEALTH_VERBS = 'GET, HEAD, OPTIONS'
#: Verbs that change nothing; a web page that causes them doesn't see the
#: answer.
READS = frozenset(('GET', 'HEAD', 'OPTIONS'))
#: Paths that need no token.
OPEN_PATHS = frozenset(('', '/v2'))


class UnknownPath(exceptions.FreezerError):
    """No route has this path."""

    code = 'request.path-not-found'

    def __init__(self) -> None:
        super().__init__('The resource could not be found.')


class MethodNotAllowed(exceptions.FreezerError):
    """The path's route doesn't have this verb."""

    code = 'request.method-not-allowed'

    def __init__(self, method: str):
        super().__init__(
            f'The method {method[:32]} is not allowed for this resource.'
        )


class NotAcceptable(exceptions.FreezerError):
    """The caller takes no JSON."""

    code = 'request.not-acceptable'

    def __init__(self) -> None:
        super().__init__(
            'Accept: only application/json responses are available.'
        )


#: The first entry that an error's class has among its bases counts; the text
#: behind the code is the answer's title.
ERRORS = {
    exceptions.InvalidInput: '400 Bad Request',
    exceptions.Unauthorized: '401 Unauthorized',
    exceptions.Forbidden: '403 Forbidden',
    exceptions.NotFound: '404 Not Found',
    UnknownPath: '404 Not Found',
    exceptions.UnknownAction: '405 Method Not Allowed',
    MethodNotAllowed: '405 Method Not Allowed',
    NotAcceptable: '406 Not Acceptable',
    exceptions.Conflict: '409 Conflict',
    exceptions.PreconditionFailed: '412 Precondition Failed',
    exceptions.BodyTooLarge: '413 Request Entity Too Large',
    exceptions.Unprocessable: '422 Unprocessable Entity',
    exceptions.Unavailable: '503 Service Unavailable',
    exceptions.MalformedBody: '753 Syntax Error',
}
INTERNAL = '500 Internal Server Error'


class Response:
    """An answer, as a WSGI application; HEAD gets it without its body."""

    __slots__ = ('body', 'headers', 'status')

    def __init__(
        self,
        status: str,
        headers: collections.abc.Iterable[tuple[str, str]] = (),
        body: bytes = b'',
    ):
        self.status = status
        self.headers = list(headers)
        self.body = body

    @classmethod
    def of_json(
        cls,
        status: str,
        value: typing.Any,
        headers: collections.abc.Iterable[tuple[str, str]] = (),
        content_type: str = 'application/json',
    ) -> 'Response':
        """An answer that says a value in JSON."""
        body = orjson.dumps(value)
        return cls(
            status,
            (
                *headers,
                ('Content-Type', content_type),
                ('Content-Length', str(len(body))),
            ),
            body,
        )

    @classmethod
    def of_verbs(cls, allow: str) -> 'Response':
        """The answer to OPTIONS."""
        return cls(
            '200 OK',
            [
                ('Allow', allow),
                ('Content-Type', 'text/plain'),
                ('Content-Length', '0'),
            ],
        )

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> list[bytes]:
        start_response(self.status, self.headers)
        return (
            []
            if environ['REQUEST_METHOD'] == 'HEAD' or not self.body
            else [self.body]
        )


def fault(error: BaseException, allow: str = '') -> Response:
    """The answer to an error; ``allow`` goes with 405. What nobody foresaw is
    logged, and not told.
    """
    status = next(
        (ERRORS[kind] for kind in type(error).__mro__ if kind in ERRORS),
        INTERNAL,
    )
    extra: Headers = []
    if status is INTERNAL:
        LOG.error('A request failed.', exc_info=error)
        return refusal(
            status,
            'internal',
            'The server failed to answer; its log tells why.',
        )
    known = typing.cast(exceptions.FreezerError, error)
    if isinstance(error, exceptions.Unavailable):
        LOG.warning('%s (%s)', error, ' '.join(str(error.__cause__).split()))
        extra.append(('Retry-After', str(error.retry_after)))
    if status.startswith('405'):
        extra.append(('Allow', allow))
    return refusal(status, known.code, str(error), extra)


def refusal(
    status: str,
    code: str,
    description: str,
    headers: collections.abc.Iterable[tuple[str, str]] = (),
) -> Response:
    """An answer that isn't a success, in the one form that all have; ``code``
    is one of :data:`error_codes.MEANINGS`.
    """
    return Response.of_json(
        status,
        {'title': status[4:], 'description': description, 'code': code},
        headers,
    )


def path_of(environ: Environ) -> str:
    """The path below the prefix; a trailing slash doesn't count."""
    return environ.get('PATH_INFO', '').removesuffix('/')


def prefix_of(environ: Environ) -> str:
    """The path that the service lives under, without a trailing slash; '' if
    it has a host of its own.
    """
    return environ.get('SCRIPT_NAME', '').rstrip('/')


def kept_request_id(given: str) -> str | None:
    """The id that a request came with, if it is one."""
    return given if REQUEST_ID.fullmatch(given) else None


class RequestId:
    """Outermost. Each request has an id, which log records and the answer
    bear; one that comes in is kept.

    Errors that come as far as here are answered.
    """

    def __init__(self, application: Application):
        self._application = application

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> collections.abc.Iterable[bytes]:
        kept = kept_request_id(environ.get('HTTP_X_OPENSTACK_REQUEST_ID', ''))
        request_id = kept or context.generate_request_id()
        environ['openstack.request_id'] = request_id
        environ['openstack.global_request_id'] = kept
        # It makes itself the thread's current context, in place of the one of
        # the request before.
        context.RequestContext(request_id=request_id, global_request_id=kept)

        def start(
            status: str, headers: Headers, exc_info: typing.Any = None
        ) -> typing.Any:
            return start_response(
                status,
                [*headers, ('x-openstack-request-id', request_id)],
                exc_info,
            )

        try:
            return self._application(environ, start)
        except Exception as error:
            return fault(error)(environ, start)


class Gate:
    """Which application answers: a health check by its path, what needs no
    token (OPTIONS neither), and all the rest.
    """

    def __init__(
        self,
        health: collections.abc.Mapping[str, Application],
        unprotected: Application,
        protected: Application,
    ):
        self._health = health
        self._unprotected = unprotected
        self._protected = protected

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> collections.abc.Iterable[bytes]:
        path = path_of(environ)
        method = environ['REQUEST_METHOD']
        health = self._health.get(path)
        if health is not None:
            if method in ('GET', 'HEAD'):
                return health(environ, start_response)
            told = (
                Response.of_verbs(HEALTH_VERBS)
                if method == 'OPTIONS'
                else fault(MethodNotAllowed(method), HEALTH_VERBS)
            )
            return told(environ, start_response)
        if path in OPEN_PATHS or method == 'OPTIONS':
            return self._unprotected(environ, start_response)
        return self._protected(environ, start_response)


class Keystone(auth_token.AuthProtocol):
    """keystonemiddleware, but for the pages by which it tells that Keystone
    doesn't answer: they become an error of ours.
    """

    def process_request(self, request: typing.Any) -> typing.Any:
        """Tell the application who is calling; ``IdentityUnavailable`` if that
        can't be found out.
        """
        try:
            return super().process_request(request)
        except (
            webob.exc.HTTPServiceUnavailable,
            keystoneauth1.exceptions.ClientException,
        ) as error:
            text = (
                'The token can not be validated: Keystone does not answer as'
                ' it should.'
            )
            raise exceptions.IdentityUnavailable(text) from error


def require_token_cache(conf: cfg.ConfigOpts) -> None:
    """Return if keystonemiddleware finds what its cache of tokens needs, which
    it looks for at the first request.

    Else ``cfg.Error`` names the package.
    """
    for group, auth_options in keystonemiddleware.opts.list_auth_token_opts():
        conf.register_opts(auth_options, group=group)
    cache = conf.keystone_authtoken
    if not cache.memcached_servers:
        return
    setting = '[keystone_authtoken] memcached_servers'
    # Older versions of keystonemiddleware do not have them.
    if getattr(cache, 'memcache_sasl_enabled', False) or getattr(
        cache, 'memcache_tls_enabled', False
    ):
        packages.require(
            'bmemcached', setting, 'python-binary-memcached', 'memcached'
        )
    else:
        packages.require('memcache', setting, 'python-memcached', 'memcached')
    if cache.memcache_security_strategy.lower() != 'none':
        packages.require(
            'cryptography',
            '[keystone_authtoken] memcache_security_strategy',
            'cryptography',
            'memcached',
        )


class Loopback:
    """Closes the standalone mode to web pages.

    A foreign Origin, a Host that isn't loopback, and a write of which the
    browser says that another site causes it are answered 403.
    """

    def __init__(self, application: Application):
        self._application = application

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> collections.abc.Iterable[bytes]:
        host = environ.get('HTTP_HOST', '')
        origin = environ.get('HTTP_ORIGIN')
        if not _is_loopback(host):
            raise exceptions.Forbidden(
                'Host: must be localhost or a loopback address.',
                'request.forbidden-origin',
            )
        if (
            origin is not None
            and origin.lower()
            != f'{environ["wsgi.url_scheme"]}://{host}'.lower()
        ):
            raise exceptions.Forbidden(
                'Origin: web pages may not use this service.',
                'request.forbidden-origin',
            )
        site = environ.get('HTTP_SEC_FETCH_SITE', 'none').lower()
        if (
            site not in ('same-origin', 'none')
            and environ['REQUEST_METHOD'] not in READS
        ):
            text = 'Sec-Fetch-Site: web pages may not use this service.'
            raise exceptions.Forbidden(text, 'request.forbidden-origin')
        return self._application(environ, start_response)


def _is_loopback(host: str) -> bool:
    found = HOST.fullmatch(host.lower())
    name = (found['bracketed'] or found['plain']) if found else ''
    try:
        return name == 'localhost' or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class EveryRole:
    """In place of keystonemiddleware in the standalone mode: whoever calls has
    every role in the project of the path.
    """

    def __init__(self, application: Application):
        self._application = application

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> collections.abc.Iterable[bytes]:
        for name in [
            name
            for name in environ
            if name.startswith(('HTTP_X_', 'HTTP_OPENSTACK_'))
        ]:
            del environ[name]
        project_id = (path_of(environ).split('/') + ['', '', ''])[2]
        environ.update(
            HTTP_X_IDENTITY_STATUS='Confirmed',
            HTTP_X_USER_ID='standalone',
            HTTP_X_PROJECT_ID=project_id,
            HTTP_X_ROLES='admin,member,reader,service',
        )
        return self._application(environ, start_response)


class StorageProbe:
    """Whether a storage answers and has this release's schema, asked by one
    thread at a time.
    """

    #: Seconds, less than load balancers have patience for.
    PATIENCE = 3

    def __init__(self, storage: base.Storage):
        self._storage = storage
        self._running: concurrent.futures.Future[None] | None = None

    def result(self) -> pluginbase.HealthcheckResult:
        """The result within :attr:`PATIENCE`; a check that still hangs from an
        earlier time isn't joined by another.
        """
        if self._running is None or self._running.done():
            self._running = concurrent.futures.Future()
            # A daemon: a check that hangs must not keep the process from
            # ending, as an executor's thread does.
            threading.Thread(
                target=_settle,
                args=(self._running, self._storage.check),
                daemon=True,
            ).start()
        try:
            self._running.result(self.PATIENCE)
        except concurrent.futures.TimeoutError:
            return pluginbase.HealthcheckResult(False, 'storage timed out')
        except Exception as error:
            return pluginbase.HealthcheckResult(
                False, 'storage unavailable', str(error)
            )
        return pluginbase.HealthcheckResult(True, 'OK')


def _settle(
    future: 'concurrent.futures.Future[None]',
    check: collections.abc.Callable[[], None],
) -> None:
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
        self.probe: StorageProbe | None = None

    def healthcheck(self, server_port: int) -> pluginbase.HealthcheckResult:
        """As :meth:`StorageProbe.result`."""
        if self.probe is None:
            return pluginbase.HealthcheckResult(False, 'no storage')
        return self.probe.result()


class Healthcheck(healthcheck.Healthcheck):
    """oslo.middleware's, by the backends that ``[healthcheck]`` names: by
    default, whether the process lives.

    ``application`` answers whom it is not for (``allowed_source_ranges``).
    ``cfg.Error`` if an option can't be.
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
        # Versions of the library below 7 compare the path by themselves, with
        # the prefix in it.
        self._ignore_path = True
        for extension in self._backends:
            if isinstance(extension.obj, StorageHealthcheck):
                extension.obj.probe = probe


class Readiness(Healthcheck):
    """The same by the backend ``freezer_storage`` alone: whether the process
    can serve.
    """

    def _conf_get(self, key: str, group: str = 'healthcheck') -> typing.Any:
        return (
            [options.STORAGE_BACKEND]
            if key == 'backends'
            else super()._conf_get(key, group)
        )
