"""Who is calling, as keystonemiddleware tells it, and what policy lets them
do.
"""

import collections.abc
import logging
import typing

from oslo_context import context

from freezer_api import exceptions, policy

LOG = logging.getLogger(__name__)
Environ = collections.abc.MutableMapping[str, typing.Any]


class RequestContext(context.RequestContext):
    """The identity behind one request, and the project in its path as
    ``project_id``.

    It becomes the thread's current context, from which oslo.log takes the
    request id and the identity of its records.
    """

    def __init__(
        self,
        rules: policy.Policy,
        project_id: str,
        token_project_id: str | None,
        **identity: typing.Any,
    ):
        super().__init__(project_id=project_id, **identity)
        self.token_project_id = token_project_id
        self.enforced: list[str] = []
        self._policy = rules

    @classmethod
    def of_request(
        cls, environ: Environ, rules: policy.Policy, project_id: str
    ) -> 'RequestContext':
        """The context of a request for a project; ``Unauthorized`` unless its
        token has been found valid, and is a user's.
        """
        if environ.get(
            'HTTP_X_IDENTITY_STATUS'
        ) != 'Confirmed' or not environ.get('HTTP_X_USER_ID'):
            raise unauthorized()
        return cls(
            rules,
            project_id,
            environ.get('HTTP_X_PROJECT_ID'),
            user_id=environ.get('HTTP_X_USER_ID'),
            user_name=environ.get('HTTP_X_USER_NAME'),
            user_domain_id=environ.get('HTTP_X_USER_DOMAIN_ID'),
            project_domain_id=environ.get('HTTP_X_PROJECT_DOMAIN_ID'),
            domain_id=environ.get('HTTP_X_DOMAIN_ID'),
            system_scope=environ.get('HTTP_OPENSTACK_SYSTEM_SCOPE'),
            roles=_names(environ.get('HTTP_X_ROLES')),
            service_user_id=environ.get('HTTP_X_SERVICE_USER_ID'),
            service_project_id=environ.get('HTTP_X_SERVICE_PROJECT_ID'),
            service_roles=_names(environ.get('HTTP_X_SERVICE_ROLES')),
            request_id=environ.get('openstack.request_id'),
            global_request_id=environ.get('openstack.global_request_id'),
        )

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
        """Whether policy lets the caller do that, for what depends on it and
        isn't refused without it.
        """
        return self._policy.allows(
            rule, {'project_id': self.project_id}, self.credentials()
        )

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

    def credentials(self) -> policy.Credentials:
        """What rules may ask about the caller, by oslo.context's and
        oslo.policy's names; ``project_id`` is the token's.
        """
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


def unauthorized() -> exceptions.Unauthorized:
    """Return the error of a request without a valid token, in the words of
    keystonemiddleware.
    """
    return exceptions.Unauthorized(
        'The request you have made requires authentication.'
    )


def _names(header: str | None) -> list[str]:
    return [name.strip() for name in header.split(',')] if header else []
