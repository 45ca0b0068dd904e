"""Stands where keystonemiddleware does in a published release's process: requests say whose they
are.

It runs in that release's own environment, which has nothing of these tests.
"""


class Identity:
    """Confirms the user and the project that a request names."""

    def __init__(self, application):
        self._application = application

    def __call__(self, environ, start_response):
        project_id = environ.get('HTTP_X_TEST_PROJECT', 'nobodys')
        user_id = environ.get('HTTP_X_TEST_USER', 'nobody')
        environ.update(
            HTTP_X_IDENTITY_STATUS='Confirmed',
            HTTP_X_AUTH_TOKEN='token',
            HTTP_X_ROLES='member,reader',
            HTTP_X_USER_ID=user_id,
            HTTP_X_USER_NAME=user_id,
            HTTP_X_PROJECT_ID=project_id,
            HTTP_X_TENANT_ID=project_id,
        )
        return self._application(environ, start_response)


def factory(_configuration, **_local):
    """The filter, as paste asks for it."""
    return Identity
