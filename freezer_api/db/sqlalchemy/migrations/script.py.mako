"""${message}.

Each step is left out where it is done: in MySQL what was broken off isn't
undone.
"""

import sqlalchemy
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}

COMPATIBILITY = sqlalchemy.table(
    'freezer_compatibility', sqlalchemy.column('revision')
)


def upgrade() -> None:
    """${message}."""
    ${upgrades if upgrades else "pass"}
    op.execute(sqlalchemy.update(COMPATIBILITY).values(revision=revision))
