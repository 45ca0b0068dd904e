"""Nodes that are put together from the artifacts which are published of each version: neither
Elasticsearch nor OpenSearch is in a distribution's or Python's packages.
"""

import collections.abc
import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import os
import pathlib
import subprocess
import zipfile

from tests.servers import java, process

#: Shared by all checkouts, as the caches of pip and of Maven are: what is in it is named after what
#: it is made of.
CACHE = (
    pathlib.Path(os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache')
    / 'freezer-api-tests'
)
MODULE = 'transport-netty4'
#: Little memory, and a machine that compiles each method once: what is gained by compiling again
#: comes after most tests.
MACHINE = (
    '-Xms128m',
    '-Xmx384m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-XX:-UsePerfData',
    '-Dfile.encoding=UTF-8',
)


@dataclasses.dataclass(frozen=True, slots=True)
class Release:
    """One version of a product."""

    version: str
    #: The oldest Java that it runs on.
    java: int
    #: The class of its transport.
    transport: str
    #: What the ``pom.xml`` leaves open, as arguments for Maven.
    properties: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Product:
    """What servers of one kind have in common."""

    name: str
    #: The folder with a ``pom.xml`` and a ``Launcher.java``.
    sources: pathlib.Path
    #: What says of its transport that it is a module.
    descriptor: str
    releases: tuple[Release, ...]

    def fetch(self) -> None:
        """Put all releases together, for those who need them soon."""
        for release in self.releases:
            assembled(self, release.version)


@dataclasses.dataclass(frozen=True, slots=True)
class Assembly:
    """One version, ready to run: the runtime's program, and the folder with ``lib``, ``modules``
    and the launcher.
    """

    java: str
    folder: pathlib.Path

    @property
    def archive(self) -> pathlib.Path:
        """The file of classes that this runtime needn't read and check again when a node starts;
        it is there once one has been written for it.
        """
        build = pathlib.Path(self.java).parents[1] / 'release'
        return self.folder / f'{hashlib.sha256(build.read_bytes()).hexdigest()[:8]}.jsa'

    def command(self, home: pathlib.Path, settings: dict[str, str], *options: str) -> list[str]:
        """What starts a node in a folder; ``options`` are more of the runtime's."""
        if self.archive.exists():
            options = (f'-XX:SharedArchiveFile={self.archive}', *options)
        return [
            self.java,
            *MACHINE,
            *options,
            '-cp',
            f'{self.folder}/lib/*',
            'Launcher',
            str(home),
            str(self.folder / 'modules'),
            *(f'{name}={value}' for name, value in settings.items()),
        ]


@functools.cache
def assembled(product: Product, version: str) -> Assembly:
    """Put a version together, or find it as it was left; only one process at a time does this.

    :class:`~tests.servers.process.Unavailable` where no Java for it can be had.
    """
    (release,) = (release for release in product.releases if release.version == version)
    sources = sorted(product.sources.iterdir())
    made_of = hashlib.sha256(b''.join(path.read_bytes() for path in sources)).hexdigest()[:8]
    folder = CACHE / f'{version}-{made_of}-jar'
    with alone():
        home = java.home(release.java, CACHE)
        if home is None:
            raise process.Unavailable(
                f'{product.name} {version.partition(".")[0]}: no Java {release.java} or newer was'
                ' found'
            )
        if not folder.exists():
            with process.whole(folder) as making:
                _assemble(product, release, home, making)
    return Assembly(str(home / 'bin/java'), folder)


@contextlib.contextmanager
def alone() -> collections.abc.Iterator[None]:
    """Keep other processes from changing what is in the cache."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / 'lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _assemble(product: Product, release: Release, home: pathlib.Path, folder: pathlib.Path) -> None:
    library, module = folder / 'lib', folder / 'modules' / MODULE
    module.mkdir(parents=True)
    _run(
        process.program('mvn', package='maven'),
        '-B',
        '-q',
        '-f',
        str(product.sources / 'pom.xml'),
        'dependency:copy-dependencies',
        f'-Dserver.version={release.version}',
        *release.properties,
        f'-DoutputDirectory={library}',
        JAVA_HOME=str(home),
    )
    _compile(product, release, home, folder)
    for pattern in ('netty-*', f'{MODULE}*', 'opensearch-netty4*'):
        for path in library.glob(pattern):
            path.rename(module / path.name)
    (module / 'plugin-descriptor.properties').write_text(
        product.descriptor.format(
            version=release.version, java=release.java, transport=release.transport
        )
    )


def _compile(product: Product, release: Release, home: pathlib.Path, folder: pathlib.Path) -> None:
    """Compile the launcher. It is put into an archive, for classes in folders can't be shared."""
    library = folder / 'lib'
    (compiler,) = library.glob('ecj-*.jar')
    compiler.rename(folder / 'ecj.jar')
    classes = ':'.join(str(path) for path in sorted(library.iterdir()))
    _run(
        str(home / 'bin/java'),
        '-jar',
        str(folder / 'ecj.jar'),
        f'-{release.java}',
        '-cp',
        classes,
        '-d',
        str(folder),
        str(product.sources / 'Launcher.java'),
    )
    with zipfile.ZipFile(library / 'launcher.jar', 'w') as jar:
        for path in folder.glob('*.class'):
            jar.write(path, path.name)


def _run(*command: str, **extra: str) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, **extra},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise process.ServerFailed(
            f'{" ".join(command[:6])}…: exit {done.returncode}\n{done.stdout[-4000:]}'
        )
