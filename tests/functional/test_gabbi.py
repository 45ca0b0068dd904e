"""The behaviour that reads best as requests and answers: ``gabbits/*.yaml``, each file on a store
of its own.
"""

import pathlib
import sys
import typing
import unittest

from gabbi import driver, fixture

from tests.functional import base

FOLDER = pathlib.Path(__file__).with_name('gabbits')


class ServiceFixture(fixture.GabbiFixture):
    """An application for the requests of one file."""

    running: typing.ClassVar[list[base.Service]] = []

    def start_fixture(self) -> None:
        """Before the first request."""
        service = base.Service()
        service.setUp()
        self.running.append(service)

    def stop_fixture(self) -> None:
        """After the last one."""
        self.running.pop().cleanUp()


def application() -> typing.Any:
    """What gabbi asks for when it reads the files; the fixture's application comes to it at the
    request.
    """
    return answer


def answer(environ: dict[str, typing.Any], start_response: typing.Any) -> list[bytes]:
    """Answer a request, as it must be described."""
    sent = base.send(ServiceFixture.running[-1].app, environ)
    start_response(sent.status, [*sent.headers.items()])
    return [sent.raw]


def load_tests(
    loader: unittest.TestLoader, tests: typing.Any, pattern: str | None
) -> unittest.TestSuite:
    """One test for each request, by the protocol of unittest."""
    return driver.build_tests(
        str(FOLDER),
        loader,
        intercept=application,
        fixture_module=sys.modules[__name__],
        test_loader_name=__name__,
    )
