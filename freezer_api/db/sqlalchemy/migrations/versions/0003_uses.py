"""How often an action and a trust were taken up by jobs.

Each step is left out where it is done: in MySQL what was broken off isn't undone.
"""

import sqlalchemy
from alembic import op

revision = '0003'
down_revision = '0002'

ZERO = sqlalchemy.text('0')


def upgrade() -> None:
    """Add the columns."""
    inspector = sqlalchemy.inspect(op.get_bind())
    for table in ('freezer_actions', 'freezer_trusts'):
        if 'uses' not in {column['name'] for column in inspector.get_columns(table)}:
            op.add_column(table, sqlalchemy.Column(
                'uses', sqlalchemy.BigInteger(), nullable=False, server_default=ZERO))
