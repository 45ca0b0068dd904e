"""Who may do what, by default: one module of oslo.policy rules per resource.
``policy.yaml`` overrides them.
"""

import itertools

from oslo_policy import policy

from freezer_api.policies import (
    actions,
    backups,
    base,
    clients,
    jobs,
    sessions,
)


def list_rules() -> list[policy.RuleDefault]:
    """Return every rule of the service, for enforcement and for the sample generator
    (``oslo.policy.policies``).
    """
    # The base comes first, as a reader of the sample needs it.
    return list(
        itertools.chain(
            base.RULES,
            actions.RULES,
            backups.RULES,
            clients.RULES,
            jobs.RULES,
            sessions.RULES,
        )
    )
