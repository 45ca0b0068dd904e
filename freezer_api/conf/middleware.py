"""The options of oslo.middleware (limit of bodies, health check, CORS,
proxies), with defaults that fit this service.
"""

import collections.abc
import types
import typing

from oslo_config import cfg
from oslo_middleware import cors, http_proxy_to_wsgi, sizelimit
from oslo_middleware.healthcheck import opts as healthcheck

#: Bytes. The library's own default, 112 KiB, is less than a job of a hundred
#: actions.
MAX_REQUEST_BODY_SIZE = 4 * 1024 * 1024
#: Tells whether the process is alive: what probes of deployments expect of
#: /healthcheck. If it asked the database, an outage of the database would
#: restart every process.
LIVENESS_BACKEND = 'disable_by_file'
#: As long as this file exists the health check fails, so that a load balancer
#: sends no more requests. Operators know it by this name.
DISABLE_FILE = '/etc/freezer/healthcheck_disable'
#: The health check that asks the storage: an entry point of this package.
STORAGE_BACKEND = 'freezer_storage'
#: Headers that web pages of other origins may send and read, if ``[cors]``
#: allows these origins.
REQUEST_HEADERS = [
    'X-Auth-Token',
    'X-OpenStack-Request-ID',
    'Content-Type',
    'If-Match',
    'If-None-Match',
]
RESPONSE_HEADERS = ['X-OpenStack-Request-ID', 'ETag', 'Allow', 'Retry-After']


def _get_options(
    module: types.ModuleType, *names: str
) -> collections.abc.Sequence[cfg.Opt]:
    """Get the options of a module of the library by the first of the names
    that it has: releases of the library differ.
    """
    for name in names:
        if hasattr(module, name):
            options: collections.abc.Sequence[cfg.Opt] = getattr(module, name)
            return options
    raise AttributeError(f'{module.__name__} has none of {", ".join(names)}')


#: Group, options, and our defaults in place of the library's.
OPTIONS: tuple[
    tuple[str, collections.abc.Sequence[cfg.Opt], dict[str, typing.Any]], ...
] = (
    (
        'oslo_middleware',
        _get_options(sizelimit, 'OPTS', '_opts'),
        {'max_request_body_size': MAX_REQUEST_BODY_SIZE},
    ),
    ('oslo_middleware', http_proxy_to_wsgi.OPTS, {}),
    (
        'healthcheck',
        [*healthcheck.HEALTHCHECK_OPTS, *healthcheck.DISABLE_BY_FILE_OPTS],
        {
            'backends': [LIVENESS_BACKEND],
            'disable_by_file_path': DISABLE_FILE,
        },
    ),
    (
        'cors',
        _get_options(cors, 'OPTS', 'CORS_OPTS'),
        {'allow_headers': REQUEST_HEADERS, 'expose_headers': RESPONSE_HEADERS},
    ),
)


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options with the defaults of this service."""
    for group, options, defaults in OPTIONS:
        conf.register_opts(options, group=group)
        for name, value in defaults.items():
            conf.set_default(name, value, group=group)


def set_sample_default() -> None:
    """Set our defaults on the library's option objects, so that the sample
    file shows them. Only for the generator's process.
    """
    for _group, options, defaults in OPTIONS:
        cfg.set_defaults(options, **defaults)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """Return nothing: the sample file lists oslo.middleware's options
    itself.
    """
    return []
