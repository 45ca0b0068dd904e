"""``freezer-api`` by its built-in server, with a filter in Keystone's place: ``python -m
tests.functional.served`` takes the command's own arguments.

Whatever is called ``unforeseen`` makes the store fail in a way that nobody foresaw.
"""

import sys
import typing

from freezer_api import app
from freezer_api.cmd import api
from tests.functional import base

USER = 'user-of-the-token'


class Identity(base.Identity):
    """The same filter, whose user's name has nothing of the token in it."""

    def __init__(self, application: app.Application):
        def named(environ: dict[str, typing.Any], start_response: typing.Any) -> typing.Any:
            environ['HTTP_X_USER_ID'] = USER
            return application(environ, start_response)

        super().__init__(named)


class Failing:
    """A store around the real one."""

    def __init__(self, inner: typing.Any):
        self._inner = inner

    def __getattr__(self, name: str) -> typing.Any:
        return getattr(self._inner, name)

    def get(self, scope: typing.Any, kind: str, id: str) -> typing.Any:
        """As the real one, but for one id."""
        if id == 'unforeseen':
            raise RuntimeError('a defect of the program')
        return self._inner.get(scope, kind, id)


def main() -> int:
    """Serve until SIGTERM; the exit code."""
    build = app.build

    def build_with_filter(conf: typing.Any, storage: typing.Any) -> app.Application:
        return build(conf, Failing(storage), authenticate=Identity)

    app.build = build_with_filter
    return api.main(sys.argv[1:])


if __name__ == '__main__':
    sys.exit(main())
