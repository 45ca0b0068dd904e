"""What is wrong with an operator's policy files, told before a process serves
by them.
"""

import collections.abc
import logging
import os
import typing

import yaml
from oslo_config import cfg
from oslo_policy import _checks, _parser

from freezer_api import policies
from freezer_api.cmd import common

#: Rules by their names, as oslo.policy has parsed them.
Rules = dict[str, typing.Any]


class Broken(Exception):
    """A file can't be used; the message says which, and why."""


class _Heard(logging.Handler):
    """What the parser logs of a rule that it doesn't understand, in place of
    raising it.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.heard.append(record.getMessage())


def paths(conf: cfg.ConfigOpts) -> list[str]:
    """The files that count, in the order in which they do."""
    main = conf.find_file(conf.oslo_policy.policy_file)
    found = [main] if main else []
    for name in conf.oslo_policy.policy_dirs:
        folder = conf.find_file(name)
        if folder and os.path.isdir(folder):
            found += [
                path
                for entry in sorted(os.listdir(folder))
                if not entry.startswith('.')
                and os.path.isfile(path := os.path.join(folder, entry))
            ]
    return found


def read(path: str) -> dict[str, typing.Any]:
    """The rules of a file by their names, unparsed; none of an empty one.
    :class:`Broken` for what is no such file.
    """
    try:
        with open(path, encoding='utf-8') as file:
            rules = yaml.safe_load(file) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Broken(
            f'{path} cannot be read: {common.describe(error)}'
        ) from None
    if not isinstance(rules, dict):
        raise Broken(f'{path} is not a mapping of rule names to rules')
    return {str(name): rule for name, rule in rules.items()}


def parse(path: str, name: str, rule: typing.Any) -> typing.Any:
    """The check that a rule of a file is; :class:`Broken` if it isn't one."""
    listening = _Heard()
    logger = logging.getLogger(_parser.__name__)
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(listening)
    try:
        check = _parser.parse_rule(rule)
    except Exception as error:
        raise Broken(
            f'{path}: {name} is not a rule: {common.describe(error)}'
        ) from None
    finally:
        logger.removeHandler(listening)
        logger.propagate = propagates
    if listening.heard:
        raise Broken(f'{path}: {name} is not understood: {listening.heard[0]}')
    return check


def faults(conf: cfg.ConfigOpts) -> collections.abc.Iterator[str]:
    """Each fault of the files that keeps a rule from meaning what it says."""
    rules: Rules = {rule.name: rule.check for rule in policies.list_rules()}
    origin: dict[str, str] = {}
    for path in paths(conf):
        try:
            texts = read(path)
        except Broken as error:
            yield str(error)
            continue
        for name, text in texts.items():
            try:
                rules[name] = parse(path, name, text)
                origin[name] = path
            except Broken as error:
                yield str(error)
    default = conf.oslo_policy.policy_default_rule
    for name, path in origin.items():
        for other in _named(rules[name]):
            if other not in rules and default not in rules:
                yield (
                    f'{path}: {name} names the rule {other}, which there'
                    ' is not'
                )
    yield from _cycles(rules, origin)


def unknown(conf: cfg.ConfigOpts) -> collections.abc.Iterator[str]:
    """Rules of the files that nothing asks for, by the spelling of their
    names.
    """
    known = {rule.name for rule in policies.list_rules()}
    for path in paths(conf):
        try:
            names = sorted(
                name
                for name in read(path)
                if ':' in name and name not in known
            )
        except Broken:
            continue
        if names:
            yield f'{path} has rules that nothing asks for: {", ".join(names)}'


def _named(check: typing.Any) -> collections.abc.Iterator[str]:
    """The rules that a check refers to."""
    if isinstance(check, _checks.RuleCheck):
        yield check.match
    for inner in (
        *getattr(check, 'rules', ()),
        *([check.rule] if isinstance(check, _checks.NotCheck) else []),
    ):
        yield from _named(inner)


def _cycles(
    rules: Rules, origin: dict[str, str]
) -> collections.abc.Iterator[str]:
    """Rules of the files that lead back to themselves, each with the way."""
    for name, path in origin.items():
        way = _way_back(rules, name)
        if way:
            yield f'{path}: {name} leads back to itself: {" -> ".join(way)}'


def _way_back(rules: Rules, name: str) -> list[str]:
    """The shortest way from a rule to itself, its ends included; [] if there
    is none.
    """
    seen, ways = set(), [[name]]
    while ways:
        way = ways.pop(0)
        for other in _named(rules.get(way[-1])):
            if other == name:
                return [*way, other]
            if other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return []
