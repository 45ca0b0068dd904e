"""The rules that the others are made of. Their names are known to operators
from their policy files.
"""

import typing

from oslo_policy import policy

ADMIN_OR_OWNER = 'rule:admin_or_owner'
ADMIN_OR_OWNER_OR_SERVICE = 'rule:admin_or_owner_or_service'
ADMIN_OR_READER_OR_SERVICE = 'rule:admin_or_reader_or_service'
ADMIN_OR_SERVICE = 'rule:admin_or_service'

#: Tokens of a domain or of the system are for no project, and every path names
#: one.
SCOPE_TYPES = ['project']

RULES = [
    policy.RuleDefault(
        'context_is_admin', 'role:admin', 'Administrators of the cloud.'
    ),
    policy.RuleDefault(
        'project_member',
        'role:member and project_id:%(project_id)s',
        'Members of the project in the path.',
    ),
    policy.RuleDefault(
        'project_reader',
        'role:reader and project_id:%(project_id)s',
        'Readers of the project in the path.',
    ),
    policy.RuleDefault(
        'admin_or_owner',
        'rule:context_is_admin or rule:project_member',
        'Who may write.',
    ),
    policy.RuleDefault(
        'admin_or_service',
        'rule:context_is_admin or role:service',
        'Who may look beyond one project.',
    ),
    policy.RuleDefault(
        'admin_or_owner_or_service',
        'rule:admin_or_service or rule:project_member',
        'Who may report on work.',
    ),
    policy.RuleDefault(
        'admin_or_reader_or_service',
        'rule:admin_or_service or rule:project_member or rule:project_reader',
        'Who may read.',
    ),
]


def rule(
    name: str, check: str, description: str, *operations: str
) -> policy.DocumentedRuleDefault:
    """A rule for the operations that it guards, each given as ``METHOD path``
    below ``/v2/{project_id}``.
    """
    documented: list[typing.Any] = []
    for operation in operations:
        method, path = operation.split(' ')
        documented.append(
            {'method': method, 'path': f'/v2/{{project_id}}{path}'}
        )
    return policy.DocumentedRuleDefault(
        name, check, description, documented, scope_types=SCOPE_TYPES
    )
