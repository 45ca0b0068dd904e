"""keystonemiddleware, which validates tokens, as this service uses it."""

import typing

import keystoneauth1.exceptions
import keystonemiddleware.opts
import webob.exc
from keystonemiddleware import auth_token
from oslo_config import cfg

from freezer_api import exceptions
from freezer_api.conf import packages


class Keystone(auth_token.AuthProtocol):
    """keystonemiddleware, except that requests get an error of ours in place
    of its text pages when Keystone doesn't respond.
    """

    def process_request(self, request: typing.Any) -> typing.Any:
        """Validate the token, and put the caller's identity into the request;
        ``IdentityUnavailable`` if Keystone can't be asked.
        """
        try:
            return super().process_request(request)
        except (
            webob.exc.HTTPServiceUnavailable,
            keystoneauth1.exceptions.ClientException,
        ) as error:
            text = (
                'The token could not be validated: Keystone does not respond'
                ' as expected.'
            )
            raise exceptions.IdentityUnavailable(text) from error


def require_token_cache(conf: cfg.ConfigOpts) -> None:
    """Raise ``cfg.Error`` with the name of the package that is missing for
    the cache of tokens which ``[keystone_authtoken]`` configures.

    keystonemiddleware itself would find out at the first request.
    """
    for group, auth_options in keystonemiddleware.opts.list_auth_token_opts():
        conf.register_opts(auth_options, group=group)
    cache = conf.keystone_authtoken
    if not cache.memcached_servers:
        return
    setting = '[keystone_authtoken] memcached_servers'
    # Older versions of keystonemiddleware do not have these options.
    uses_sasl = getattr(cache, 'memcache_sasl_enabled', False)
    uses_tls = getattr(cache, 'memcache_tls_enabled', False)
    # The two features are in another client library than the plain protocol.
    if uses_sasl or uses_tls:
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
