"""Names of other modules, until the services follow."""

from freezer_api.domain.restore_actions import compose as compose
from freezer_api.domain.restore_checks import warning as warning
from freezer_api.domain.restore_plans import COMPARE as COMPARE
from freezer_api.domain.restore_plans import MODES as MODES
from freezer_api.domain.restore_plans import READ as READ
from freezer_api.domain.restore_plans import RESTORE as RESTORE
from freezer_api.domain.restore_sources import Source as Source
from freezer_api.domain.restore_sources import date as date
from freezer_api.domain.restore_sources import is_follower as is_follower
from freezer_api.domain.restore_sources import scalars as scalars
from freezer_api.domain.restore_sources import source as source
from freezer_api.domain.restore_sources import window as window
from freezer_api.domain.restore_sources import (
    with_following as with_following,
)

followed = with_following
