"""The rules that the others are made of. Operators have their names in policy
files, so they stay.
"""

import typing

from oslo_policy import policy

ADMIN_OR_OWNER = 'rule:admin_or_owner'
ADMIN_OR_OWNER_OR_SERVICE = 'rule:admin_or_owner_or_service'
ADMIN_OR_READER_OR_SERVICE = 'rule:admin_or_reader_or_service'
ADMIN_OR_SERVICE = 'rule:admin_or_service'

#: Tokens of a domain or of the system are for no project, and every path names
#: one: they are refused even with the role.
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
        'Administrators, and members of the project in the path.',
    ),
    policy.RuleDefault(
        'admin_or_service',
        'rule:context_is_admin or role:service',
        'Administrators and service users.',
    ),
    policy.RuleDefault(
        'admin_or_owner_or_service',
        'rule:admin_or_service or rule:project_member',
        'Administrators, service users, and members of the project in the'
        ' path.',
    ),
    policy.RuleDefault(
        'admin_or_reader_or_service',
        'rule:admin_or_service or rule:project_member or rule:project_reader',
        'Administrators, service users, and members and readers of the'
        ' project in the path.',
    ),
]


def rule(
    name: str, check: str, description: str, *operations: str
) -> policy.DocumentedRuleDefault:
    """Return a rule for the operations that it guards, each given as ``METHOD
    path`` below ``/v2/{project_id}``.
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
