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

from freezer_api import exceptions
from freezer_api.domain import texts

LOG = logging.getLogger(__name__)
#: Seconds that Keystone has for each connection and each answer, unless the
#: section of the credentials has a ``timeout``.
TIMEOUT = 10
#: How often a fault of Keystone's is tried again when a trust is to end, after
#: half a second and one.
RETRIES = 2
_FAULTS = [500, 502, 503, 504]
#: Statuses below 500 that are no refusal.
_LATER = frozenset((408, 429))
_UNREACHABLE = (keystone.ClientException, OSError, ValueError)


class Identity:
    """Trusts whose trustee is the user of the section that
    ``[centralized_scheduler] auth_section`` names.

    Shared by all threads of a process. Nothing is read or connected before it
    is needed, so a process may fork until then. Every trust is for one project
    and without impersonation, and lasts until it is ended.
    """

    def __init__(self, conf: cfg.ConfigOpts):
        self._conf = conf
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._made: tuple[session.Session, plugin.BaseAuthPlugin] | None = None

    def make_trust(
        self,
        token: str,
        user_id: str,
        project_id: str,
        roles: collections.abc.Collection[str],
    ) -> str:
        """Make a trust of a user whose token this is; its id.

        ``Unprocessable`` without a trustee, or if Keystone refuses;
        ``Unauthorized`` for a token that is no longer valid;
        ``IdentityUnavailable`` if it can't be told: then there may be a trust,
        which nobody knows.
        """
        trust = {
            'trustor_user_id': user_id,
            'trustee_user_id': self._trustee(),
            'project_id': project_id,
            'impersonation': False,
            'roles': [{'name': role} for role in sorted(roles)],
        }
        with _asked_by_caller(roles):
            return str(
                self._ask('POST', '', token, {'trust': trust}).json()['trust'][
                    'id'
                ]
            )

    def holds_trust(
        self,
        token: str,
        trust_id: str,
        user_id: str,
        project_id: str,
        roles: collections.abc.Collection[str],
    ) -> bool:
        """Whether a trust is there, and is what :meth:`make_trust` would make;
        errors as there.
        """
        trustee = self._trustee()
        with _asked_by_caller(roles):
            try:
                trust = self._ask('GET', f'/{trust_id}', token).json()['trust']
            except keystone.NotFound:
                return False
            return (
                (
                    trust['trustor_user_id'],
                    trust['trustee_user_id'],
                    trust['project_id'],
                )
                == (user_id, trustee, project_id)
                and not trust['impersonation']
                and not trust.get('expires_at')
                and {role['name'].casefold() for role in trust['roles']}
                == {role.casefold() for role in roles}
            )

    def end_trust(
        self, trust_id: str, tokens: collections.abc.Iterable[str | None]
    ) -> bool:
        """End a trust by the first of the tokens that Keystone lets do it;
        None stands for the service user's. Tell whether it is gone.

        It never fails: a trust that can't be ended is logged. One that is gone
        already is as good.
        """
        why: Exception | None = None
        for token in tokens:
            try:
                self._ask('DELETE', f'/{trust_id}', token)
                return True
            except keystone.NotFound:
                return True
            except (*_UNREACHABLE, cfg.Error) as error:
                why = error
                if not _refused(error):
                    break
        LOG.warning(
            'Unused trust %r could not be deleted in Keystone: %s. Run:'
            ' openstack trust delete %r',
            trust_id,
            texts.printable(why).rstrip('.'),
            trust_id,
        )
        return False

    def _trustee(self) -> str:
        """The user to whom trusts are given."""
        section = self._conf.centralized_scheduler.auth_section
        try:
            connection, auth = self._service()
            with self._alone(connection):
                user_id = connection.get_user_id(auth)
        except (*_UNREACHABLE, cfg.Error) as error:
            if not _refused(error):
                raise _unavailable() from error
            LOG.error(
                'Jobs that need a trust are refused: [%s] has no valid'
                ' credentials of the user to whom trusts are given: %s',
                section,
                texts.printable(error),
            )
            user_id = None
        if user_id is None:
            raise exceptions.Unprocessable(
                'client_id: jobs on this client need a trust, and no trustee'
                ' is configured ([centralized_scheduler] auth_section).',
                'trust.no-trustee',
            )
        return user_id

    def _service(self) -> tuple[session.Session, plugin.BaseAuthPlugin]:
        """The connection to Keystone, and the credentials of the service
        user.
        """
        with self._lock:
            if self._made is None:
                self._made = _load(
                    self._conf, self._conf.centralized_scheduler.auth_section
                )
            return self._made

    @contextlib.contextmanager
    def _alone(
        self, connection: session.Session
    ) -> collections.abc.Iterator[None]:
        """Authenticate the service user in one thread at a time, as
        keystoneauth does, but wait only as long as for an answer.

        Where Keystone hangs, each request would wait for all that came before
        it.
        """
        if not self._turn.acquire(timeout=connection.timeout or TIMEOUT):
            raise keystone.ConnectTimeout('Others wait for Keystone already.')
        try:
            yield
        finally:
            self._turn.release()

    def _ask(
        self,
        method: str,
        path: str,
        token: str | None,
        body: typing.Any = None,
    ) -> typing.Any:
        """Keystone's answer about trusts, where the service user's
        ``auth_url`` is; None is the service user's token.
        """
        connection, service = self._service()
        url = connection.get_endpoint(
            service, interface=plugin.AUTH_INTERFACE, version=(3, 0)
        )
        if url is None:
            raise keystone.DiscoveryFailure(
                'Keystone does not tell where its version 3 is.'
            )
        auth = service if token is None else token_endpoint.Token(url, token)
        if token is None:
            with self._alone(connection):
                connection.get_token(service)
        # Who makes a job tries again; nobody will end a trust at another time.
        retries = RETRIES if method == 'DELETE' else 0
        return connection.request(
            f'{url.rstrip("/")}/OS-TRUST/trusts{path}',
            method,
            auth=auth,
            json=body,
            status_code_retries=retries,
            retriable_status_codes=_FAULTS,
        )


def _load(
    conf: cfg.ConfigOpts, section: str
) -> tuple[session.Session, plugin.BaseAuthPlugin]:
    """A connection as a section of the configuration tells.
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
    return (
        loading.load_session_from_conf_options(
            conf, section, timeout=timeout, user_agent='freezer-api'
        ),
        auth,
    )


@contextlib.contextmanager
def _asked_by_caller(
    roles: collections.abc.Collection[str],
) -> collections.abc.Iterator[None]:
    """Turn the errors of a request with the caller's token into the caller's
    errors.
    """
    try:
        yield
    except keystone.Unauthorized as error:
        raise exceptions.Unauthorized(
            'Keystone does not accept the token any more.'
        ) from error
    except (*_UNREACHABLE, KeyError, TypeError) as error:
        if not _refused(error):
            raise _unavailable() from error
        raise exceptions.Unprocessable(
            'client_id: jobs on this client need a trust with the roles'
            f' {", ".join(sorted(roles))}, which Keystone refuses to this'
            f' token: {str(error)[:256]}',
            'trust.refused',
        ) from error


def _refused(error: Exception) -> bool:
    """Whether an error is somebody's answer that it can't be, and not that
    nobody answered.
    """
    if isinstance(error, keystone.HttpError):
        return error.http_status < 500 and error.http_status not in _LATER
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
        'The trust that the job needs can not be made: Keystone does not'
        ' answer as it should.'
    )
