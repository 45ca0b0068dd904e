"""Who is calling, as keystonemiddleware says it, and what policy lets them
do.
"""

import collections.abc
import logging
import typing

from oslo_context import context

from freezer_api import exceptions, policy

LOG = logging.getLogger(__name__)
Environ = collections.abc.MutableMapping[str, typing.Any]
#: The context of a request in its environment, from its outermost layer on.
CONTEXT = 'freezer.context'


class RequestContext(context.RequestContext):
    """The ids of one request, then the identity behind it, and the project in
    its path as ``project_id``.

    It becomes the thread's current context, from which oslo.log takes the
    request id and the identity of its records.
    """

    _policy: policy.Policy

    def __init__(
        self,
        request_id: str | None = None,
        global_request_id: str | None = None,
    ):
        super().__init__(
            request_id=request_id, global_request_id=global_request_id
        )
        self.token_project_id: str | None = None
        #: The rules that policy was asked about.
        self.enforced: list[str] = []

    @classmethod
    def of_request(
        cls, environ: Environ, rules: policy.Policy, project_id: str
    ) -> 'RequestContext':
        """Return the context of a request for a project, with the identity of
        its caller.

        ``Unauthorized`` unless its token is valid, and is a user's.
        """
        is_valid = environ.get('HTTP_X_IDENTITY_STATUS') == 'Confirmed'
        if not is_valid or not environ.get('HTTP_X_USER_ID'):
            raise unauthorized()
        # None only where the API is called without the layers around it.
        current: RequestContext | None = environ.get(CONTEXT)
        if current is None:
            current = cls()
        current._policy = rules
        current.project_id = project_id
        current._identify(environ)
        return current

    def _identify(self, environ: Environ) -> None:
        # One by one: a second context would cost a request as much as its
        # routing does.
        get = environ.get
        self.token_project_id = get('HTTP_X_PROJECT_ID')
        self.user_id = get('HTTP_X_USER_ID')
        self.user_name = get('HTTP_X_USER_NAME')
        self.user_domain_id = get('HTTP_X_USER_DOMAIN_ID')
        self.project_domain_id = get('HTTP_X_PROJECT_DOMAIN_ID')
        self.domain_id = get('HTTP_X_DOMAIN_ID')
        self.system_scope = get('HTTP_OPENSTACK_SYSTEM_SCOPE')
        self.roles = _names(get('HTTP_X_ROLES'))
        self.service_user_id = get('HTTP_X_SERVICE_USER_ID')
        self.service_project_id = get('HTTP_X_SERVICE_PROJECT_ID')
        self.service_roles = _names(get('HTTP_X_SERVICE_ROLES'))

    def can(self, rule: str) -> None:
        """Return if policy lets the caller do what ``rule`` guards in the
        project of the path, else raise ``Forbidden``.

        That it was asked is recorded in :attr:`enforced`.
        """
        self.enforced.append(rule)
        if not self.may(rule):
            self._log_denial(rule)
            raise exceptions.Forbidden(
                f'Policy does not allow {rule} to be performed.'
            )

    def may(self, rule: str) -> bool:
        """Return whether policy lets the caller do what ``rule`` guards in
        the project of the path, without refusing anything.
        """
        target = {'project_id': self.project_id}
        return self._policy.allows(rule, target, self.credentials())

    def credentials(self) -> policy.Credentials:
        """Return what rules may ask about the caller, by oslo.context's and
        oslo.policy's names; ``project_id`` is the token's.
        """
        # Not oslo.context's own, which has the project of the path as
        # project_id: a rule compares the two.
        return {
            'user_id': self.user_id,
            'user_domain_id': self.user_domain_id,
            'system_scope': self.system_scope,
            'system': self.system_scope,
            'domain_id': self.domain_id,
            'project_id': self.token_project_id,
            'project_domain_id': self.project_domain_id,
            'roles': self.roles,
            'is_admin_project': self.is_admin_project,
            'service_user_id': self.service_user_id,
            'service_project_id': self.service_project_id,
            'service_roles': self.service_roles,
        }

    def _log_denial(self, rule: str) -> None:
        # Not with all credentials: whoever reads the log asks which role or
        # project is missing. %r keeps control characters out of the log.
        LOG.debug(
            'Policy %s does not allow user %r with roles %r in project %r, and'
            ' service roles %r, to act in project %r (system scope %r, domain'
            ' %r).',
            rule,
            self.user_id,
            self.roles,
            self.token_project_id,
            self.service_roles,
            self.project_id,
            self.system_scope,
            self.domain_id,
        )


def unauthorized() -> exceptions.Unauthorized:
    """Return the error of a request without a valid token, in the words of
    keystonemiddleware.
    """
    return exceptions.Unauthorized(
        'The request you have made requires authentication.'
    )


def _names(header: str | None) -> list[str]:
    if not header:
        return []
    return [name.strip() for name in header.split(',')]
