"""Enforcement of the rules in :mod:`freezer_api.policies`, as oslo.policy
reads and means them.

oslo.policy walks a tree of checks for every decision, inspects the signature
of each node and looks at the policy files' times: 115 to 173 µs for a reader's
rule. Here the trees are turned into plain functions whenever the files have
changed, which is looked for once a second at most. Checks that aren't the
library's own common ones, ``http:`` among them, are left to the library. In
one point the meaning is another one on purpose, see :func:`_generic`.
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
#: Seconds for which the files are taken to be as they were.
FRESH = 1.0
#: What the target fills in a check.
_FILLED = re.compile(r'%\(([^)]*)\)')

Target = collections.abc.Mapping[str, typing.Any]
Credentials = dict[str, typing.Any]
#: A rule's check as a function of target, credentials and the name of the rule
#: that is decided about.
Check = collections.abc.Callable[[Target, Credentials, str], bool]


class Policy:
    """The rules in force. Shared by all threads of a process.

    A policy file that can't be read stops a process from starting; when it is
    changed so later, the rules stay as they were.
    """

    def __init__(self, conf: cfg.ConfigOpts):
        self._enforcer = policy.Enforcer(conf)
        self._enforcer.register_defaults(policies.list_rules())
        self._lock = threading.Lock()
        self._checks: dict[str, Check] = {}
        self._due = 0.0
        self._load()

    def allows(
        self, rule: str, target: Target, credentials: Credentials
    ) -> bool:
        """Whether a registered rule lets the credentials pass.
        ``PolicyNotRegistered`` for a name that isn't registered.
        """
        if time.monotonic() >= self._due:
            self._refresh()
        registered = self._enforcer.registered_rules.get(rule)
        if registered is None:
            raise policy.PolicyNotRegistered(rule)
        if registered.scope_types and not self._enforcer._enforce_scope(
            credentials, registered, do_raise=False
        ):
            return False
        return bool(self._checks[rule](target, credentials, rule))

    def _refresh(self) -> None:
        """Look for changed files, in one thread; the others go on with the
        rules that they have.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._load()
        except Exception:
            LOG.exception(
                'The policy files cannot be read; the rules stay as they were.'
            )
            self._due = time.monotonic() + FRESH
        finally:
            self._lock.release()

    def _load(self) -> None:
        self._enforcer.load_rules()
        self._checks = compiled(self._enforcer)
        self._due = time.monotonic() + FRESH


def get_enforcer() -> policy.Enforcer:
    """What oslo.policy's commands (``oslopolicy-validator`` and so on) work
    with, for ``--namespace freezer-api``.

    By the configuration files that ``--config-file`` and ``--config-dir`` of
    the command name, else the usual ones.
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
        # The validator looks into the library's global configuration, and for
        # a file that is found from everywhere.
        opts.set_defaults(cfg.CONF)
        cfg.CONF.set_override('policy_file', found, 'oslo_policy')
    return enforcer


def compiled(enforcer: policy.Enforcer) -> dict[str, Check]:
    """Every rule that an enforcer has loaded, as a function."""
    rules: dict[str, Check] = {}
    for name, check in enforcer.rules.items():
        rules[name] = _compile(check, rules, enforcer)
    return rules


def _compile(
    check: typing.Any, rules: dict[str, Check], enforcer: policy.Enforcer
) -> Check:
    """One node as a function. The type must be the library's very own: a
    subclass may mean something else.
    """
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
        return _combined(
            [_compile(part, rules, enforcer) for part in check.rules],
            any_suffices=kind is _checks.OrCheck,
        )
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
    def combined(target: Target, credentials: Credentials, name: str) -> bool:
        for part in parts:
            if bool(part(target, credentials, name)) is any_suffices:
                return any_suffices
        return not any_suffices

    return combined


def _rule(
    match: str, rules: dict[str, Check], enforcer: policy.Enforcer
) -> Check:
    """Another rule, the default rule in place of one that isn't there, or
    nobody.
    """
    default = str(enforcer.rules.default_rule)

    def rule(target: Target, credentials: Credentials, name: str) -> bool:
        try:
            return (rules.get(match) or rules[default])(
                target, credentials, name
            )
        except KeyError:
            return False

    return rule


def _role(role: str) -> Check:
    return lambda target, credentials, name: (
        role in [given.lower() for given in credentials['roles']]
    )


def _generic(check: typing.Any) -> Check:
    """A comparison of a credential, or of a literal, with a text that the
    target fills.

    Other than in the library nothing that is absent equals a text: by that a
    token without a project would be one for the project ``None``. Nor does a
    boolean equal a text that comes from the request.
    """
    path = check.kind.split('.')
    names = _FILLED.findall(check.match)
    try:
        literal, is_literal = ast.literal_eval(check.kind), True
    except (ValueError, SyntaxError):
        literal, is_literal = None, False

    if (
        not is_literal
        and len(path) == len(names) == 1
        and check.match == f'%({names[0]})s'
    ):
        return _equal(path[0], names[0])

    def generic(target: Target, credentials: Credentials, name: str) -> bool:
        try:
            match = check.match % target
            told = [target[key] for key in names]
        except KeyError:
            return False
        if None in told:
            return False
        from_text = any(not isinstance(value, bool) for value in told)
        given = [literal] if is_literal else _found(credentials, path)
        return any(
            str(value) == match
            for value in given
            if value is not None
            and not (from_text and isinstance(value, bool))
        )

    return generic


def _equal(credential: str, key: str) -> Check:
    """The comparison that most rules make, of one credential with one text of
    the target.
    """

    def equal(target: Target, credentials: Credentials, name: str) -> bool:
        wanted, given = target.get(key), credentials.get(credential)
        if isinstance(wanted, str) and isinstance(given, str):
            return wanted == given
        if wanted is None or given is None:
            return False
        from_text = not isinstance(wanted, bool)
        values = given if isinstance(given, list) else [given]
        return any(
            str(value) == str(wanted)
            for value in values
            if value is not None
            and not (from_text and isinstance(value, bool))
        )

    return equal


def _found(
    value: typing.Any, path: list[str]
) -> collections.abc.Iterator[typing.Any]:
    """What stands at the end of a path through objects; of a list, in each of
    its elements.
    """
    if not path:
        yield value
        return
    if not isinstance(value, collections.abc.Mapping) or path[0] not in value:
        return
    inner = value[path[0]]
    for element in inner if isinstance(inner, list) else [inner]:
        yield from _found(element, path[1:])
