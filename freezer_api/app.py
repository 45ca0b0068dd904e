"""The assembly: configuration, storage and policy become the WSGI application,
from the inside to the outside.
"""

import collections.abc
import logging

from oslo_config import cfg
from oslo_middleware import cors, http_proxy_to_wsgi

from freezer_api import db, identity, permits, policy
from freezer_api.controllers import routes, routing
from freezer_api.db import base
from freezer_api.middleware import (
    errors,
    gate,
    health,
    keystone,
    request_id,
    request_log,
    responses,
)
from freezer_api.middleware.standalone import EveryRole, Loopback
from freezer_api.services import trusts

LOG = logging.getLogger(__name__)
Application = responses.Application
#: Wraps an application, and tells it who is calling as keystonemiddleware
#: does.
Filter = collections.abc.Callable[[Application], Application]


def build(
    conf: cfg.ConfigOpts,
    storage: base.Storage | None = None,
    standalone: bool = False,
    authenticate: Filter | None = None,
) -> Application:
    """Return the application that serves the API. Nothing is connected yet.

    ``storage`` is loaded as configured unless it is given. ``standalone`` lets
    in every caller of the loopback interface, without Keystone;
    ``authenticate`` stands in Keystone's place too.
    """
    if storage is None:
        storage = db.load(conf)
    if authenticate is None:
        authenticate = _authentication(conf, standalone)
    api = _api(conf, storage, standalone)
    # The health checks get the protected application: it answers whom they are
    # not for.
    protected = authenticate(request_log.CallerOfToken(api))
    checks = _health_checks(protected, conf, storage)
    application: Application = gate.Gate(checks, api, protected)
    # Around the API's own answers, so that web pages can read its errors too.
    application = _cors(application, conf)
    application = _behind_proxy(application, conf)
    return _outer_layers(application, conf, standalone)


def _api(
    conf: cfg.ConfigOpts, storage: base.Storage, standalone: bool
) -> routing.Api:
    """The routes with their controllers, and policy."""
    table = routes.table(
        storage,
        conf.api.max_limit,
        conf.api.implicit_all_projects,
        _delegation(conf, standalone),
    )
    return routing.Api(
        routing.Router(table),
        policy.Policy(conf),
        conf.oslo_middleware.max_request_body_size,
        _permits(conf),
    )


def _permits(conf: cfg.ConfigOpts) -> permits.Permits | None:
    """The permits of the process; None if all its threads may work."""
    number = conf.api.max_concurrent_requests
    return permits.Permits(number) if number else None


def _outer_layers(
    application: Application, conf: cfg.ConfigOpts, standalone: bool
) -> Application:
    """What stands around everything that may answer: errors get the one form
    that all have, then the answer its line in the log, then its id.
    """
    if standalone:
        application = Loopback(application)
    application = errors.Errors(application)
    # Outside of Errors, so that the line has the status of the answer.
    if conf.api.log_requests:
        application = request_log.RequestLog(application)
    return request_id.RequestId(application)


def _health_checks(
    application: Application, conf: cfg.ConfigOpts, storage: base.Storage
) -> dict[str, Application]:
    """The health checks by their paths; they share one probe of the
    storage.
    """
    probe = health.StorageProbe(storage)
    return {
        health.HEALTHCHECK_PATH: health.Healthcheck(application, conf, probe),
        health.READINESS_PATH: health.Readiness(application, conf, probe),
    }


def _delegation(conf: cfg.ConfigOpts, standalone: bool) -> trusts.Delegation:
    """Which jobs get trusts; none in the standalone mode."""
    options = conf.centralized_scheduler
    if standalone:
        _warn_of_trusts_without_keystone(conf)
        return trusts.OFF
    return trusts.Delegation(
        identity.Identity(conf),
        options.enabled,
        options.enforce_trusts,
        frozenset(options.trusts_delegated_roles),
    )


def _warn_of_trusts_without_keystone(conf: cfg.ConfigOpts) -> None:
    """Tell an operator whose files ask for trusts; the option is on by
    default, so that its value alone says nothing.
    """
    if not conf.centralized_scheduler.enabled:
        return
    found = conf.get_location('enabled', 'centralized_scheduler')
    if found is not None and found.location.is_user_controlled:
        LOG.warning(
            '[centralized_scheduler] has no effect: the standalone mode has'
            ' no Keystone.'
        )


def _authentication(conf: cfg.ConfigOpts, standalone: bool) -> Filter:
    """keystonemiddleware, configured by ``[keystone_authtoken]``; ``cfg.Error``
    if a package that it needs is missing.
    """
    if standalone:
        return EveryRole
    keystone.require_token_cache(conf)
    options = {'oslo_config_config': conf}
    return lambda application: keystone.Keystone(application, options)


def _cors(application: Application, conf: cfg.ConfigOpts) -> Application:
    """oslo.middleware's answer to web pages of other origins, where ``[cors]
    allowed_origin`` names some.
    """
    if not conf.cors.allowed_origin:
        return application
    filtered: Application = cors.CORS(application, conf)
    return filtered


def _behind_proxy(
    application: Application, conf: cfg.ConfigOpts
) -> Application:
    """oslo.middleware's reading of what a proxy says about the request as the
    client sent it, where the operator trusts the proxy.
    """
    if not conf.oslo_middleware.enable_proxy_headers_parsing:
        return application
    filtered: Application = http_proxy_to_wsgi.HTTPProxyToWSGI(
        application, conf
    )
    return filtered
