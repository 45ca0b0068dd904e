"""The storage contract as tests that every driver passes, the ones of third parties too.

A driver's author derives one class from :class:`ContractCase`, that makes an empty store, and asks
:func:`freezer_api.tests.contract.suite.cases` for the test classes on it::

    class Mine(base.ContractCase):
        name = 'Mine'

        @classmethod
        def make_options(cls):
            return {'storage': {'driver': 'mine'}, 'mine': {'hosts': …}}

    globals().update(suite.cases(Mine))
"""

import atexit
import collections.abc
import functools
import tempfile
import typing
import unittest
import uuid

from oslo_config import cfg

from freezer_api import conf as configuration
from freezer_api import db
from freezer_api.db.base import Scope, Storage
from freezer_api.domain import documents
from freezer_api.tests import base as settings
from freezer_api.tests.contract import project_operations

settings.explore()


#: Options of the configuration that differ from their defaults, by group and name.
Options = dict[str, dict[str, typing.Any]]


def configured(options: Options) -> cfg.ConfigOpts:
    """The service's configuration with some options set.

    Groups that a driver registers itself are told as a file tells them: as texts.
    """
    conf = configuration.new()
    known = {group: values for group, values in options.items() if group in conf}
    with tempfile.NamedTemporaryFile('w', suffix='.conf') as file:
        for group in options.keys() - known.keys():
            lines = [f'{name} = {value}\n' for name, value in options[group].items()]
            file.writelines([f'[{group}]\n', *lines])
        file.flush()
        files = [file.name]
        conf([], project='freezer-api', default_config_files=files, default_config_dirs=[])
    for group, values in known.items():
        for name, value in values.items():
            conf.set_override(name, value, group)
    return conf


class Clock:
    """A clock that stands still until it is told otherwise; in microseconds."""

    def __init__(self) -> None:
        self.now = 1_700_000_000 * documents.SECOND

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += round(seconds * documents.SECOND)


class ContractCase(unittest.TestCase):
    """A store, and for each test a project of its own, somebody who acts in it, and a clock that
    the test turns.

    Each class has a store of its own, or all of a process share one: see :attr:`shared`.
    """

    #: What is appended to the names of the test classes.
    name: typing.ClassVar[str]
    #: Whether :meth:`clock` is the storage's clock; else it is the machine's.
    turned: typing.ClassVar[bool] = True
    #: Whether the classes of a process share a store, but for themes that are :attr:`alone`: for
    #: drivers whose stores take long to be made, and work as fast with the projects of all tests.
    shared: typing.ClassVar[bool] = False
    #: Whether a theme has stores of its own, because it looks at all projects, or does damage.
    alone: typing.ClassVar[bool] = False
    #: The case that a theme is on; None: the class has been made in another way.
    case: typing.ClassVar[type['ContractCase'] | None] = None
    #: What share of the cases is tried of those that are many and much the same on all stores; a
    #: sample of them in each run, other ones for another seed: see :func:`tests.base.sample`.
    share: typing.ClassVar[float] = 1
    #: Bytes that an operation may allocate before it is refused for being too large. Only a driver
    #: that always has everything in memory needs more than this.
    room: typing.ClassVar[int] = 3_000_000
    options: typing.ClassVar[Options]
    conf: typing.ClassVar[cfg.ConfigOpts]
    storage: typing.ClassVar[Storage]

    @classmethod
    def make_options(cls) -> Options:
        """Where an empty store is that nobody else uses; what removes it is given to
        ``addClassCleanup``.
        """
        raise NotImplementedError

    def make_own_options(self) -> Options:
        """Do as :meth:`make_options`, for a store that is removed when this test ends: clusters
        take longer for all that they do, the more indices they have.
        """
        owner = type('Own', (type(self),), {})
        self.addCleanup(_remove_stores, owner)
        return owner.make_options()

    @classmethod
    def make_storage(cls, conf: cfg.ConfigOpts | None = None) -> Storage:
        """Another object on the same store, as another process has it."""
        storage = db.load(conf or cls.conf)
        cls.addClassCleanup(storage.close)
        return storage

    def make_own_storage(self) -> Storage:
        """A storage on a new store of the test's own, on the test's clock."""
        storage = self.make_storage(configured(self.make_own_options()))
        storage.sync()
        storage.clock = self.clock
        return storage

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if cls.shared and cls.case and not cls.alone:
            cls.options = shared_store(cls.case)
            cls.conf = configured(cls.options)
        else:
            cls.options = cls.make_options()
            cls.conf = configured(cls.options)
            db_sync(cls.conf)
        cls.storage = cls.make_storage()

    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.storage.clock = self.clock if self.turned else documents.now
        self.project = self.in_project(f'p-{uuid.uuid4().hex}')

    def in_project(
        self, project_id: str, storage: Storage | None = None
    ) -> project_operations.Project:
        """Somebody who acts in a project."""
        return project_operations.Project(storage or self.storage, Scope(project_id))


def _remove_stores(owner: type[ContractCase]) -> None:
    owner.doClassCleanups()
    # They are kept there, and told by nobody.
    if owner.tearDown_exceptions:
        _kind, error, _traceback = owner.tearDown_exceptions[0]
        raise error


def db_sync(conf: cfg.ConfigOpts) -> None:
    """Create the schema of a store."""
    storage = db.load(conf)
    storage.sync()
    storage.close()


@functools.cache
def shared_store(case: type[ContractCase]) -> Options:
    """Make a store that this process has until it ends."""
    holder = type('Shared', (case,), {})
    options = holder.make_options()
    atexit.register(holder.doClassCleanups)
    db_sync(configured(options))
    return options


def on(case: type[ContractCase], theme: type, module: str) -> type[ContractCase]:
    """The tests of a theme on the store of a case, as a class of a module: ``Lists`` on SQLite is
    ``ListsOnSQLite``, which no file spells. Search for ``class Lists``.
    """
    name = f'{theme.__name__}On{case.name}'
    members = {'__module__': module, '__doc__': theme.__doc__, 'case': case}
    return type(name, (theme, case), members)


def texts(value: typing.Any) -> collections.abc.Iterator[str]:
    """The strings anywhere in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for element in value.values() if isinstance(value, dict) else value:
            yield from texts(element)
