"""Faults in an operator's policy files, found before a process uses them."""

import collections
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
    """A file cannot be used; the message says which, and why."""


class _Recorder(logging.Handler):
    """Records what the parser logs about a rule that it does not understand:
    it raises no error, and denies what the rule is for.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Record a message."""
        self.messages.append(record.getMessage())


def list_paths(conf: cfg.ConfigOpts) -> list[str]:
    """List the policy files in the order in which they are read: a later one
    replaces rules of an earlier one.
    """
    main = conf.find_file(conf.oslo_policy.policy_file)
    found = [main] if main else []
    for name in conf.oslo_policy.policy_dirs:
        folder = conf.find_file(name)
        if not folder or not os.path.isdir(folder):
            continue
        for entry in sorted(os.listdir(folder)):
            path = os.path.join(folder, entry)
            # oslo.policy skips hidden files too.
            if not entry.startswith('.') and os.path.isfile(path):
                found.append(path)
    return found


def read(path: str) -> dict[str, typing.Any]:
    """Read the rules of a file by their names, unparsed. An empty file has
    none. ``Broken`` if it is not a mapping in YAML.
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
    """Parse a rule of a file to oslo.policy's check; ``Broken`` if it is not
    a rule.
    """
    recorder = _Recorder()
    logger = logging.getLogger(_parser.__name__)
    # The fault is reported once, by us.
    propagates = logger.propagate
    logger.propagate = False
    logger.addHandler(recorder)
    try:
        check = _parser.parse_rule(rule)
    except Exception as error:
        raise Broken(
            f'{path}: {name} is not a rule: {common.describe(error)}'
        ) from None
    finally:
        logger.removeHandler(recorder)
        logger.propagate = propagates
    if recorder.messages:
        raise Broken(
            f'{path}: {name} is not understood: {recorder.messages[0]}'
        )
    return check


def find_faults(conf: cfg.ConfigOpts) -> collections.abc.Iterator[str]:
    """Find each fault because of which a rule does not mean what it says."""
    rules: Rules = {rule.name: rule.check for rule in policies.list_rules()}
    # The file of each rule that a file sets.
    origins: dict[str, str] = {}
    for path in list_paths(conf):
        try:
            texts = read(path)
        except Broken as error:
            yield str(error)
            continue
        for name, text in texts.items():
            try:
                rules[name] = parse(path, name, text)
                origins[name] = path
            except Broken as error:
                yield str(error)
    # Only now: a rule may refer to one of a later file.
    default = conf.oslo_policy.policy_default_rule
    if default not in rules:
        # Otherwise oslo.policy uses the default in place of a missing rule.
        yield from _find_missing(rules, origins)
    yield from _find_cycles(rules, origins)


def find_unknown(conf: cfg.ConfigOpts) -> collections.abc.Iterator[str]:
    """Find rules that no request uses. Names without a colon are the
    operator's own, for use in other rules.
    """
    known = {rule.name for rule in policies.list_rules()}
    for path in list_paths(conf):
        try:
            rules = read(path)
        except Broken:
            # find_faults() reports it.
            continue
        names = [name for name in rules if ':' in name and name not in known]
        if names:
            names.sort()
            yield f'{path} has rules that nothing uses: {", ".join(names)}'


def _find_missing(
    rules: Rules, origins: dict[str, str]
) -> collections.abc.Iterator[str]:
    """Find references to rules that do not exist."""
    for name, path in origins.items():
        for other in _list_references(rules[name]):
            if other not in rules:
                yield (
                    f'{path}: {name} refers to the rule {other}, which does'
                    ' not exist'
                )


def _list_references(check: typing.Any) -> collections.abc.Iterator[str]:
    """List the rules that a check refers to."""
    if isinstance(check, _checks.RuleCheck):
        yield check.match
    # Those of "and" and "or" have several parts, "not" has one.
    parts = list(getattr(check, 'rules', ()))
    if isinstance(check, _checks.NotCheck):
        parts.append(check.rule)
    for part in parts:
        yield from _list_references(part)


def _find_cycles(
    rules: Rules, origins: dict[str, str]
) -> collections.abc.Iterator[str]:
    """Find rules of the files that refer to themselves, directly or through
    others.
    """
    for name, path in origins.items():
        cycle = _find_cycle(rules, name)
        if cycle:
            yield f'{path}: {name} refers to itself: {" -> ".join(cycle)}'


def _find_cycle(rules: Rules, name: str) -> list[str]:
    """Find the shortest way from a rule to itself, with both ends; ``[]`` if
    there is none.
    """
    seen: set[str] = set()
    ways = collections.deque([[name]])
    while ways:
        way = ways.popleft()
        for other in _list_references(rules.get(way[-1])):
            if other == name:
                return [*way, other]
            if other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return []
