"""Enforcement of the rules in :mod:`freezer_api.policies`, as oslo.policy
reads and means them.

oslo.policy walks a tree of checks for every decision, inspects the signature
of each node and looks at the policy files' times: 115 to 173 µs for a reader's
rule. Here the trees are compiled to plain functions whenever the files have
changed, which is looked for once a second at most. Checks other than the
library's common ones, ``http:`` among them, are left to the library. In one
point the meaning differs on purpose, see :func:`_generic`.
"""

import ast
import collections.abc
import logging
import re
import sys
import threading
import time
import typing

from oslo_config import cfg
from oslo_policy import _checks, opts, policy

from freezer_api import conf as configuration
from freezer_api import policies
from freezer_api.conf import files

LOG = logging.getLogger(__name__)
#: Seconds between two looks for changed files.
RELOAD_INTERVAL = 1.0
#: Where a check takes a value of the target: ``%(project_id)s``.
_PLACEHOLDER = re.compile(r'%\(([^)]*)\)')

Target = collections.abc.Mapping[str, typing.Any]
Credentials = dict[str, typing.Any]
#: A rule's check as a function of target, credentials and the name of the rule
#: that is decided about.
Check = collections.abc.Callable[[Target, Credentials, str], bool]


class Policy:
    """The rules in force. Shared by all threads of a process.

    A policy file that is invalid stops a process from starting. If it becomes
    invalid later, the rules from before stay in force.
    """

    def __init__(self, conf: cfg.ConfigOpts):
        self._enforcer = policy.Enforcer(conf)
        self._enforcer.register_defaults(policies.list_rules())
        self._lock = threading.Lock()
        self._checks: dict[str, Check] = {}
        # When to look for changed files again, by the monotonic clock.
        self._due = 0.0
        self._load()

    def allows(
        self, rule: str, target: Target, credentials: Credentials
    ) -> bool:
        """Return whether a registered rule lets the credentials pass.
        ``PolicyNotRegistered`` for a name that isn't registered.
        """
        if time.monotonic() >= self._due:
            self._refresh()
        registered = self._enforcer.registered_rules.get(rule)
        if registered is None:
            raise policy.PolicyNotRegistered(rule)
        # A token of the system or of a domain doesn't pass, whatever its roles.
        if registered.scope_types and not self._enforcer._enforce_scope(
            credentials, registered, do_raise=False
        ):
            return False
        return bool(self._checks[rule](target, credentials, rule))

    def _refresh(self) -> None:
        """Look for changed files, in one thread; the others continue with the
        rules that they have.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._load()
        except Exception:
            LOG.exception(
                'The policy files could not be read; the rules from before stay'
                ' in force.'
            )
            # Not at once again: each request would read the files.
            self._due = time.monotonic() + RELOAD_INTERVAL
        finally:
            self._lock.release()

    def _load(self) -> None:
        self._enforcer.load_rules()
        self._checks = compiled(self._enforcer)
        self._due = time.monotonic() + RELOAD_INTERVAL


def get_enforcer() -> policy.Enforcer:
    """Return the enforcer that oslo.policy's commands
    (``oslopolicy-validator`` and so on) work with, for ``--namespace
    freezer-api``.

    It reads the configuration files that ``--config-file`` and
    ``--config-dir`` of the command name, else the usual ones.
    """
    options = configuration.new()
    configured, folders = files.defaults()
    options(
        files.of_wsgi_server({}, sys.argv[1:]),
        project=files.PROJECT,
        default_config_files=configured,
        default_config_dirs=folders,
    )
    enforcer = policy.Enforcer(options)
    enforcer.register_defaults(policies.list_rules())
    found = options.find_file(options.oslo_policy.policy_file)
    if found:
        # The validator reads the library's global configuration, and needs an
        # absolute path.
        opts.set_defaults(cfg.CONF)
        cfg.CONF.set_override('policy_file', found, 'oslo_policy')
    return enforcer


def compiled(enforcer: policy.Enforcer) -> dict[str, Check]:
    """Return every rule that an enforcer has loaded, as a function."""
    rules: dict[str, Check] = {}
    for name, check in enforcer.rules.items():
        rules[name] = _compile(check, rules, enforcer)
    return rules


def _compile(
    check: typing.Any, rules: dict[str, Check], enforcer: policy.Enforcer
) -> Check:
    """One node of a rule as a function.

    ``rules`` are filled while this runs: a rule may refer to a later one.
    """
    # The type must be the library's very own: a subclass may mean something
    # else.
    kind = type(check)
    if kind is _checks.TrueCheck or kind is _checks.FalseCheck:
        constant = kind is _checks.TrueCheck
        return lambda target, credentials, name: constant
    if kind is _checks.NotCheck:
        inner = _compile(check.rule, rules, enforcer)
        return lambda target, credentials, name: (
            not inner(target, credentials, name)
        )
    if kind is _checks.OrCheck or kind is _checks.AndCheck:
        parts = [_compile(part, rules, enforcer) for part in check.rules]
        return _combined(parts, any_suffices=kind is _checks.OrCheck)
    if kind is _checks.RuleCheck:
        return _rule(check.match, rules, enforcer)
    if kind is _checks.RoleCheck and '%' not in check.match:
        return _role(check.match.lower())
    if kind is _checks.GenericCheck:
        return _generic(check)
    return lambda target, credentials, name: _checks._check(
        check, target, credentials, enforcer, name
    )


def _combined(parts: list[Check], any_suffices: bool) -> Check:
    """``or``, where any of the parts suffices, else ``and``."""

    def combined(target: Target, credentials: Credentials, name: str) -> bool:
        for part in parts:
            if bool(part(target, credentials, name)) is any_suffices:
                return any_suffices
        return not any_suffices

    return combined


def _rule(
    match: str, rules: dict[str, Check], enforcer: policy.Enforcer
) -> Check:
    """Another rule; the default rule if there is no such one, and False if
    there is no default either.
    """
    default = str(enforcer.rules.default_rule)

    def rule(target: Target, credentials: Credentials, name: str) -> bool:
        try:
            check = rules.get(match) or rules[default]
            return check(target, credentials, name)
        except KeyError:
            # Also one that a check raises: as in the library, what can't be
            # found out is no permission.
            return False

    return rule


def _role(role: str) -> Check:
    """Whether the caller has a role; Keystone ignores the case of names."""
    return lambda target, credentials, name: (
        role in [given.lower() for given in credentials['roles']]
    )


def _generic(check: typing.Any) -> Check:
    """A comparison of a credential, or of a literal, with a text that has
    values of the target in it.

    Unlike in the library nothing that is absent equals a text: there, a token
    without a project passes for one of the project ``None``. Nor does a
    boolean equal a text that comes from the request.
    """
    path = check.kind.split('.')
    names = _PLACEHOLDER.findall(check.match)
    literal = None
    try:
        literal = ast.literal_eval(check.kind)
        is_literal = True
    except (ValueError, SyntaxError):
        is_literal = False

    is_plain = not is_literal and len(path) == len(names) == 1
    if is_plain and check.match == f'%({names[0]})s':
        return _equal(path[0], names[0])

    def generic(target: Target, credentials: Credentials, name: str) -> bool:
        try:
            text = check.match % target
            values = [target[key] for key in names]
        except KeyError:
            return False
        if None in values:
            return False
        has_text = any(not isinstance(value, bool) for value in values)
        if is_literal:
            return _equals_text(literal, text, has_text)
        return any(
            _equals_text(value, text, has_text)
            for value in _values_at(credentials, path)
        )

    return generic


def _equal(credential: str, key: str) -> Check:
    """The comparison that most rules make, of one credential with one value of
    the target: a short way to what :func:`_generic` does.
    """

    def equal(target: Target, credentials: Credentials, name: str) -> bool:
        wanted = target.get(key)
        given = credentials.get(credential)
        if isinstance(wanted, str) and isinstance(given, str):
            return wanted == given
        if wanted is None or given is None:
            return False
        has_text = not isinstance(wanted, bool)
        values = given if isinstance(given, list) else [given]
        text = str(wanted)
        return any(_equals_text(value, text, has_text) for value in values)

    return equal


def _equals_text(value: typing.Any, text: str, has_text: bool) -> bool:
    """Whether a value is what a text says; ``has_text``: the text has a value
    of the request in it that isn't a boolean.
    """
    if value is None:
        return False
    if has_text and isinstance(value, bool):
        return False
    return str(value) == text


def _values_at(
    value: typing.Any, path: list[str]
) -> collections.abc.Iterator[typing.Any]:
    """The values at the end of a path through objects; of a list, in each of
    its elements.
    """
    if not path:
        yield value
        return
    if not isinstance(value, collections.abc.Mapping) or path[0] not in value:
        return
    inner = value[path[0]]
    elements = inner if isinstance(inner, list) else [inner]
    for element in elements:
        yield from _values_at(element, path[1:])
