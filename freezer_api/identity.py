"""Keystone, as far as the service asks it for more than who is calling:
trusts, by which users pass on their roles.
"""

import collections.abc
import contextlib
import logging
import threading
import typing

from keystoneauth1 import exceptions as keystone
from keystoneauth1 import loading, plugin, session, token_endpoint
from oslo_config import cfg

from freezer_api import exceptions, permits
from freezer_api.domain import texts

LOG = logging.getLogger(__name__)
#: Seconds that Keystone has for each connection and each answer, unless the
#: section of the credentials has a ``timeout``.
TIMEOUT = 10
#: How often the deletion of a trust is tried again after a fault of Keystone,
#: first after half a second, then after one.
RETRIES = 2
_FAULTS = [500, 502, 503, 504]
#: Statuses below 500 that don't refuse: the same request may succeed later.
_TEMPORARY = frozenset((408, 429))
_FAILURES = (keystone.ClientException, OSError, ValueError)
_Connection = tuple[session.Session, plugin.BaseAuthPlugin]


class Identity:
    """Trusts whose trustee is the user of the section that
    ``[centralized_scheduler] auth_section`` names.

    Shared by all threads of a process. Nothing is read or connected before it
    is needed, so a process may fork until then. Every trust is for one project
    and without impersonation, and lasts until it is deleted.
    """

    def __init__(self, conf: cfg.ConfigOpts):
        self._conf = conf
        self._connecting = threading.Lock()
        self._authenticating = threading.Lock()
        self._connection: _Connection | None = None

    @permits.paused()
    def make_trust(
        self,
        token: str,
        user_id: str,
        project_id: str,
        roles: collections.abc.Collection[str],
    ) -> str:
        """Create a trust of a user whose token this is, and return its id.

        ``Unprocessable`` without a trustee, or if Keystone refuses;
        ``Unauthorized`` for a token that is no longer valid;
        ``IdentityUnavailable`` if Keystone doesn't respond: then there may be
        a trust, whose id nobody knows.
        """
        trust = {
            'trustor_user_id': user_id,
            'trustee_user_id': self._trustee(),
            'project_id': project_id,
            'impersonation': False,
            'roles': [{'name': role} for role in sorted(roles)],
        }
        with _caller_errors(roles):
            answer = self._request('POST', '', token, {'trust': trust}).json()
            return str(answer['trust']['id'])

    @permits.paused()
    def holds_trust(
        self,
        token: str,
        trust_id: str,
        user_id: str,
        project_id: str,
        roles: collections.abc.Collection[str],
    ) -> bool:
        """Return whether a trust exists, and is what :meth:`make_trust` would
        create; errors as there.
        """
        trustee = self._trustee()
        with _caller_errors(roles):
            try:
                answer = self._request('GET', f'/{trust_id}', token).json()
            except keystone.NotFound:
                return False
            trust = answer['trust']
            if trust['impersonation'] or trust.get('expires_at'):
                return False
            people = (trust['trustor_user_id'], trust['trustee_user_id'])
            if people != (user_id, trustee):
                return False
            if trust['project_id'] != project_id:
                return False
            # Keystone compares the names of roles without regard to case.
            wanted = {role.casefold() for role in roles}
            given = {role['name'].casefold() for role in trust['roles']}
            return wanted == given

    @permits.paused()
    def end_trust(
        self, trust_id: str, tokens: collections.abc.Iterable[str | None]
    ) -> bool:
        """Delete a trust by the first of the tokens that Keystone accepts for
        it, and return whether it is gone; None stands for the service user's.

        It never fails: a trust that can't be deleted is logged. One that is
        missing is as good as deleted.
        """
        reason: Exception | None = None
        for token in tokens:
            try:
                self._request('DELETE', f'/{trust_id}', token)
                return True
            except keystone.NotFound:
                return True
            except (*_FAILURES, cfg.Error) as error:
                reason = error
                # Another token can't help where Keystone doesn't respond.
                if not _is_refusal(error):
                    break
        LOG.warning(
            'Unused trust %r could not be deleted in Keystone: %s. Run:'
            ' openstack trust delete %r',
            trust_id,
            texts.printable(reason).rstrip('.'),
            trust_id,
        )
        return False

    def _trustee(self) -> str:
        """The id of the user to whom trusts are given."""
        user_id = None
        try:
            connection, auth = self._connect()
            with self._authentication_lock(connection):
                user_id = connection.get_user_id(auth)
        except (*_FAILURES, cfg.Error) as error:
            if not _is_refusal(error):
                raise _unavailable() from error
            LOG.error(
                'Jobs that need a trust are refused: [%s] has no valid'
                ' credentials of the user to whom trusts are given: %s',
                self._conf.centralized_scheduler.auth_section,
                texts.printable(error),
            )
        if user_id is None:
            raise exceptions.Unprocessable(
                'client_id: jobs on this client need a trust, and no trustee'
                ' is configured ([centralized_scheduler] auth_section).',
                'trust.no-trustee',
            )
        return user_id

    def _connect(self) -> _Connection:
        """The connection to Keystone, and the credentials of the service
        user; made once.
        """
        with self._connecting:
            if self._connection is None:
                section = self._conf.centralized_scheduler.auth_section
                self._connection = _load(self._conf, section)
            return self._connection

    @contextlib.contextmanager
    def _authentication_lock(
        self, connection: session.Session
    ) -> collections.abc.Iterator[None]:
        """Authenticate the service user in one thread at a time, as
        keystoneauth does, but wait only as long as for an answer.

        Where Keystone hangs, each request would wait for all that came before
        it.
        """
        seconds = connection.timeout or TIMEOUT
        if not self._authenticating.acquire(timeout=seconds):
            raise keystone.ConnectTimeout(
                'Other requests are waiting for Keystone already.'
            )
        try:
            yield
        finally:
            self._authenticating.release()

    def _request(
        self,
        method: str,
        path: str,
        token: str | None,
        body: typing.Any = None,
    ) -> typing.Any:
        """Keystone's answer about trusts, at the service user's ``auth_url``;
        None is the service user's token.
        """
        connection, service = self._connect()
        url = connection.get_endpoint(
            service, interface=plugin.AUTH_INTERFACE, version=(3, 0)
        )
        if url is None:
            raise keystone.DiscoveryFailure(
                'Keystone does not announce version 3 of its API.'
            )
        auth = service
        if token is not None:
            auth = token_endpoint.Token(url, token)
        else:
            with self._authentication_lock(connection):
                connection.get_token(service)
        # The caller can create a job again; nobody would delete the trust
        # later.
        retries = RETRIES if method == 'DELETE' else 0
        return connection.request(
            f'{url.rstrip("/")}/OS-TRUST/trusts{path}',
            method,
            auth=auth,
            json=body,
            status_code_retries=retries,
            retriable_status_codes=_FAULTS,
        )


def _load(conf: cfg.ConfigOpts, section: str) -> _Connection:
    """A connection with the credentials in a section of the configuration.
    ``MissingAuthPlugin`` if it has no ``auth_type``.
    """
    loading.register_auth_conf_options(conf, section)
    for option in loading.get_session_conf_options():
        # keystonemiddleware has some of them in its own section, with texts of
        # its own.
        with contextlib.suppress(cfg.DuplicateOptError):
            conf.register_opt(option, group=section)
    auth = loading.load_auth_from_conf_options(conf, section)
    if auth is None:
        raise keystone.MissingAuthPlugin(f'[{section}] has no auth_type.')
    timeout = conf[section].timeout or TIMEOUT
    connection = loading.load_session_from_conf_options(
        conf, section, timeout=timeout, user_agent='freezer-api'
    )
    return connection, auth


@contextlib.contextmanager
def _caller_errors(
    roles: collections.abc.Collection[str],
) -> collections.abc.Iterator[None]:
    """Turn the errors of a request with the caller's token into errors that
    tell the caller what to do.
    """
    try:
        yield
    except keystone.Unauthorized as error:
        raise exceptions.Unauthorized(
            'Keystone no longer accepts the token.'
        ) from error
    # KeyError and TypeError: the answer isn't what Keystone answers, so
    # somebody else did (a proxy with a page of its own).
    except (*_FAILURES, KeyError, TypeError) as error:
        if not _is_refusal(error):
            raise _unavailable() from error
        raise exceptions.Unprocessable(
            'client_id: jobs on this client need a trust with the roles'
            f' {", ".join(sorted(roles))}, which Keystone refuses to this'
            f' token: {str(error)[:256]}',
            'trust.refused',
        ) from error


def _is_refusal(error: Exception) -> bool:
    """Whether an error is an answer that the request can't succeed, rather
    than no answer.
    """
    if isinstance(error, keystone.HttpError):
        status = error.http_status
        return status < 500 and status not in _TEMPORARY
    return isinstance(
        error,
        (
            keystone.AuthPluginException,
            keystone.AuthorizationFailure,
            keystone.MissingAuthMethods,
            keystone.EndpointNotFound,
            cfg.Error,
        ),
    )


def _unavailable() -> exceptions.IdentityUnavailable:
    return exceptions.IdentityUnavailable(
        'The trust that the job needs could not be created: Keystone does not'
        ' respond as expected.'
    )
