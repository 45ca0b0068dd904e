"""``freezer-manager-status upgrade check``: whether this release can serve
with the operator's store, configuration and policy.
"""

import contextlib
import sys
import typing

from oslo_config import cfg
from oslo_policy import opts as policy_opts
from oslo_upgradecheck import common_checks, upgradecheck

from freezer_api import conf as configuration
from freezer_api import db, exceptions, middleware
from freezer_api.cmd import common, imports, lifecycle, options, policy_files
from freezer_api.conf import files
from freezer_api.db import base, verifying

PROG = 'freezer-manager-status'
#: The exit code if the checks themselves cannot be made.
ERROR = 255
OUTDATED = (
    'Some documents are indexed by an earlier release; searches may not find'
    ' them. Run: freezer-manage db reindex'
)


def success() -> upgradecheck.Result:
    """Make the result for nothing to do."""
    return upgradecheck.Result(upgradecheck.Code.SUCCESS)


def failure(details: str) -> upgradecheck.Result:
    """Make the result for what keeps this release from serving."""
    return upgradecheck.Result(upgradecheck.Code.FAILURE, details)


def warning(details: str) -> upgradecheck.Result:
    """Make the result for what is possibly not as the operator wants it; this
    release can serve.
    """
    return upgradecheck.Result(upgradecheck.Code.WARNING, details)


class Checks(upgradecheck.UpgradeCommands):
    """The checks, in the order of the report. They only read."""

    def __init__(self, conf: cfg.ConfigOpts):
        self.conf = conf
        self._is_storage_up = False

    def storage(self) -> upgradecheck.Result:
        """Check that the store answers, has this release's schema, and is
        indexed by this release.
        """
        try:
            located = common.Located(db.load(self.conf))
        except (exceptions.FreezerError, cfg.Error) as error:
            return failure(common.describe(error))
        storage = typing.cast(base.Storage, located)
        try:
            storage.check()
            self._is_storage_up = True
            is_outdated = verifying.has_outdated(storage)
            not_imported = imports.describe_pending(self.conf, storage)
            not_contracted = lifecycle.describe_uncontracted(storage)
        except common.Failed as error:
            return failure(str(error))
        finally:
            storage.close()
        if is_outdated:
            return warning(OUTDATED)
        if not_imported:
            return warning(not_imported)
        if not_contracted:
            return warning(not_contracted)
        return success()

    def storage_settings(self) -> upgradecheck.Result:
        """Check that no setting of the store's own lets it lose, or hide,
        what was acknowledged.
        """
        if not self._is_storage_up:
            return warning('They were not read, for the storage is not ready.')
        try:
            with contextlib.closing(db.load(self.conf)) as storage:
                unsafe = storage.unsafe_settings()
        except (exceptions.FreezerError, cfg.Error) as error:
            return warning(f'They were not read: {common.describe(error)}')
        return warning(' '.join(unsafe)) if unsafe else success()

    def packages(self) -> upgradecheck.Result:
        """Check that the packages that the configuration needs are
        installed.
        """
        try:
            middleware.require_token_cache(self.conf)
        except cfg.Error as error:
            return failure(common.describe(error))
        return success()

    def option_names(self) -> upgradecheck.Result:
        """Check that no option in our own sections is misspelt."""
        unknown = options.list_unknown(self.conf)
        if unknown:
            return warning(f'Unknown options: {", ".join(unknown)}.')
        return success()

    def policy_format(self) -> upgradecheck.Result:
        """Check that the policy file is not JSON."""
        path = self.conf.find_file(self.conf.oslo_policy.policy_file)
        # policy_rules() reports a file that cannot be read.
        with contextlib.suppress(policy_files.Broken):
            if path and not policy_files.read(path):
                # It has no rules: "{}" is JSON too, but there is nothing to
                # convert.
                return success()
        return common_checks.check_policy_json(self, self.conf)

    def policy_rules(self) -> upgradecheck.Result:
        """Check that the policy files are mappings of rules that can be
        parsed, and that this release knows.
        """
        faults = list(policy_files.find_faults(self.conf))
        if faults:
            return failure('; '.join(faults))
        unknown = list(policy_files.find_unknown(self.conf))
        if unknown:
            return warning('; '.join(unknown))
        return success()

    _upgrade_checks = (
        ('Storage and schema', storage),
        ('Storage settings', storage_settings),
        ('Installed packages', packages),
        ('Names of options', option_names),
        ('Policy file format', policy_format),
        ('Policy file rules', policy_rules),
    )


@common.command(PROG, failed=ERROR)
def main(argv: list[str]) -> int:
    """Run the checks. The exit code is 0 if nothing was found, 1 for a
    warning, 2 for a failure, 255 if the checks cannot be made.
    """
    conf = configuration.new()
    policy_opts.set_defaults(conf)
    upgradecheck.register_cli_options(conf, Checks(conf))
    files.read(conf, argv, PROG, quiet=True)
    # The library reads --json from its own global variable.
    upgradecheck.CONF = conf
    return int(upgradecheck.run(conf))


if __name__ == '__main__':
    sys.exit(main())
