"""What every request passes before and after the API: its id and its line in
the log, errors, who may speak, health checks.

:func:`freezer_api.app.build` puts the parts together. What other rooms use of
them is named here.
"""

from freezer_api.middleware.errors import error_response
from freezer_api.middleware.health import (
    HEALTHCHECK_PATH,
    READINESS_PATH,
    StorageHealthcheck,
)
from freezer_api.middleware.keystone import require_token_cache
from freezer_api.middleware.request_id import start_context, valid_request_id
from freezer_api.middleware.request_log import log_refused
from freezer_api.middleware.responses import Application, Environ
from freezer_api.middleware.standalone import EveryRole

__all__ = [
    'HEALTHCHECK_PATH',
    'READINESS_PATH',
    'Application',
    'Environ',
    'EveryRole',
    'StorageHealthcheck',
    'error_response',
    'log_refused',
    'require_token_cache',
    'start_context',
    'valid_request_id',
]
