"""The assembly: configuration, storage and policy become the WSGI application,
from the inside to the outside.
"""

import collections.abc
import logging

from oslo_config import cfg
from oslo_middleware import cors, http_proxy_to_wsgi

from freezer_api import db, identity, middleware, policy
from freezer_api.controllers import routes, routing
from freezer_api.db import base
from freezer_api.services import trusts

LOG = logging.getLogger(__name__)
Application = middleware.Application
#: Wraps an application, and tells it who is calling as keystonemiddleware
#: does.
Filter = collections.abc.Callable[[Application], Application]


def build(
    conf: cfg.ConfigOpts,
    storage: base.Storage | None = None,
    standalone: bool = False,
    authenticate: Filter | None = None,
) -> Application:
    """The application that serves the API.

    ``storage`` is loaded as configured unless it is given. ``standalone`` puts
    the caller of the loopback interface in the place of Keystone, and
    ``authenticate`` another filter. Nothing is connected yet.
    """
    storage = storage or db.load(conf)
    api = routing.Api(
        routing.Router(
            routes.table(
                storage,
                conf.api.max_limit,
                conf.api.implicit_all_projects,
                _delegation(conf, standalone),
            )
        ),
        policy.Policy(conf),
        conf.oslo_middleware.max_request_body_size,
    )
    authenticate = authenticate or (
        middleware.EveryRole if standalone else _keystone(conf)
    )
    protected = authenticate(api)
    application: Application = middleware.Gate(
        _health(protected, conf, storage), api, protected
    )
    application = _cors(application, conf)
    application = _behind_proxy(application, conf)
    if standalone:
        application = middleware.Loopback(application)
    return middleware.RequestId(application)


def _health(
    application: Application, conf: cfg.ConfigOpts, storage: base.Storage
) -> dict[str, Application]:
    """The health checks by their paths; they share one probe of the
    storage.
    """
    probe = middleware.StorageProbe(storage)
    return {
        middleware.HEALTHCHECK_PATH: middleware.Healthcheck(
            application, conf, probe
        ),
        middleware.READINESS_PATH: middleware.Readiness(
            application, conf, probe
        ),
    }


def _delegation(conf: cfg.ConfigOpts, standalone: bool) -> trusts.Delegation:
    """Which jobs get trusts; none in the standalone mode."""
    options = conf.centralized_scheduler
    if standalone:
        # It is so by default, of which nobody needs to be told.
        found = conf.get_location('enabled', 'centralized_scheduler')
        if (
            options.enabled
            and found is not None
            and found.location.is_user_controlled
        ):
            LOG.warning(
                '[centralized_scheduler] has no effect: there is no Keystone'
                ' in the standalone mode.'
            )
        return trusts.OFF
    keystone = identity.Identity(conf)
    return trusts.Delegation(
        keystone,
        options.enabled,
        options.enforce_trusts,
        frozenset(options.trusts_delegated_roles),
    )


def _keystone(conf: cfg.ConfigOpts) -> Filter:
    """keystonemiddleware, configured by ``[keystone_authtoken]``;
    ``cfg.Error`` if a package that it needs isn't there.
    """
    middleware.require_token_cache(conf)
    return lambda application: middleware.Keystone(
        application, {'oslo_config_config': conf}
    )


def _cors(application: Application, conf: cfg.ConfigOpts) -> Application:
    """oslo.middleware's answer to web pages of other origins, where ``[cors]
    allowed_origin`` names some.
    """
    return (
        cors.CORS(application, conf)
        if conf.cors.allowed_origin
        else application
    )


def _behind_proxy(
    application: Application, conf: cfg.ConfigOpts
) -> Application:
    """oslo.middleware's reading of what a proxy tells of the host that was
    asked, where the operator trusts it.
    """
    trusted = conf.oslo_middleware.enable_proxy_headers_parsing
    return (
        http_proxy_to_wsgi.HTTPProxyToWSGI(application, conf)
        if trusted
        else application
    )
