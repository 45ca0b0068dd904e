"""What the API reference says, read from its source."""

import collections.abc
import dataclasses
import functools
import pathlib
import re
import typing

import yaml

SOURCE = pathlib.Path(__file__).parents[2] / 'api-ref' / 'source'
_TITLE = r'^(\S.*)\n%s{3,}\n'
_METHOD = re.compile(r'^\.\. rest_method:: (\S+) (\S+)$', re.MULTILINE)
_STATUS = re.compile(
    r'^\.\. rest_status_code:: (\S+) status\.yaml\n\n((?: +- .*\n)+)', re.MULTILINE
)
_PARAMETERS = re.compile(
    r'^\.\. rest_parameters:: parameters\.yaml\n\n((?: +- .*\n)+)', re.MULTILINE
)
_SAMPLE = re.compile(r'^\.\. literalinclude:: samples/(\S+)$', re.MULTILINE)

#: A parameter as a table has it: the name there, and the one in parameters.yaml.
Row = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Section:
    """A section: an operation, or an object that is a part of documents (``verb`` and ``path`` are
    empty).

    ``statuses`` have the reason of each code, by ``success`` and ``error``; ``tables`` the
    parameters by the title above them.
    """

    title: str
    verb: str
    path: str
    statuses: collections.abc.Mapping[str, dict[int, str]]
    tables: collections.abc.Mapping[str, list[Row]]
    samples: list[str]

    def codes(self, kind: str) -> set[int]:
        """The codes of ``success`` or of ``error``."""
        return set(self.statuses.get(kind, ()))

    def names(self, table: str, place: str) -> dict[str, dict[str, typing.Any]]:
        """The parameters of a table that have a place (header, path, query, body): their
        descriptions, by name.
        """
        described = [(name, parameters().get(key, {})) for name, key in self.tables.get(table, ())]
        return {name: parameter for name, parameter in described if parameter.get('in') == place}


@functools.cache
def parameters() -> dict[str, dict[str, typing.Any]]:
    """All of parameters.yaml."""
    return yaml.safe_load((SOURCE / 'parameters.yaml').read_text())


@functools.cache
def statuses() -> dict[int, dict[str, str]]:
    """All of status.yaml."""
    return yaml.safe_load((SOURCE / 'status.yaml').read_text())


@functools.cache
def sections() -> tuple[Section, ...]:
    """Every section that has an operation or a table."""
    files = sorted(SOURCE.glob('*.inc'))
    found = [
        _section(title, text)
        for file in files
        for title, text in _split(file.read_text(), '=').items()
    ]
    return tuple(section for section in found if section.verb or section.tables)


def operations() -> list[Section]:
    """The sections of operations."""
    return [section for section in sections() if section.verb]


def _split(text: str, underline: str) -> dict[str, str]:
    """The texts below the titles with an underline; what stands before the first one is under the
    empty title.
    """
    parts = re.split(_TITLE % underline, text, flags=re.MULTILINE)
    return {'': parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def _section(title: str, text: str) -> Section:
    method = _METHOD.search(text)
    codes = {kind: _codes(yaml.safe_load(block)) for kind, block in _STATUS.findall(text)}
    tables = {
        name: [
            row
            for block in _PARAMETERS.findall(part)
            for entry in yaml.safe_load(block)
            for row in entry.items()
        ]
        for name, part in _split(text, '-').items()
    }
    verb, path = method.groups() if method else ('', '')
    return Section(
        title,
        verb,
        path,
        codes,
        {name: rows for name, rows in tables.items() if rows},
        _SAMPLE.findall(text),
    )


def _codes(entries: list[typing.Any]) -> dict[int, str]:
    """The reason for each code of a list."""
    return {
        code: reason
        for entry in entries
        for code, reason in (entry.items() if isinstance(entry, dict) else [(entry, 'default')])
    }
