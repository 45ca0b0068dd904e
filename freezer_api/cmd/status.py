"""``freezer-manager-status upgrade check``: whether this release can serve
what an operator has.
"""

import sys
import typing

from oslo_config import cfg
from oslo_policy import opts as policy_opts
from oslo_upgradecheck import common_checks, upgradecheck

from freezer_api import conf as configuration
from freezer_api import db, exceptions, middleware
from freezer_api.cmd import common, options, policy_files
from freezer_api.conf import files
from freezer_api.db import base, verifying

PROG = 'freezer-manager-status'
#: The exit code where the checks themselves can't be made.
ERROR = 255
OUTDATED = (
    'Documents are indexed by an earlier release, and searches may miss them. '
    'Run: freezer-manage db reindex'
)


def success() -> upgradecheck.Result:
    """Nothing to do."""
    return upgradecheck.Result(upgradecheck.Code.SUCCESS)


def failure(details: str) -> upgradecheck.Result:
    """An operator has to act before this release can serve."""
    return upgradecheck.Result(upgradecheck.Code.FAILURE, details)


def warning(details: str) -> upgradecheck.Result:
    """This release can serve, but perhaps not as the operator means it to."""
    return upgradecheck.Result(upgradecheck.Code.WARNING, details)


class Checks(upgradecheck.UpgradeCommands):
    """The checks, in the order in which they are told; they only read."""

    def __init__(self, conf: cfg.ConfigOpts):
        self.conf = conf

    def storage(self) -> upgradecheck.Result:
        """The store answers, has this release's schema, and is indexed by this
        release.
        """
        try:
            storage = common.Located(db.load(self.conf))
        except (exceptions.FreezerError, cfg.Error) as error:
            return failure(common.describe(error))
        try:
            storage.check()
            outdated = verifying.has_outdated(
                typing.cast(base.Storage, storage)
            )
        except common.Failed as error:
            return failure(str(error))
        finally:
            storage.close()
        return warning(OUTDATED) if outdated else success()

    def packages(self) -> upgradecheck.Result:
        """What the configuration asks for is installed."""
        try:
            middleware.require_token_cache(self.conf)
        except cfg.Error as error:
            return failure(common.describe(error))
        return success()

    def option_names(self) -> upgradecheck.Result:
        """No option in our own sections is misspelt."""
        unknown = options.unknown(self.conf)
        return (
            warning(f'Nothing reads {", ".join(unknown)}.')
            if unknown
            else success()
        )

    def policy_format(self) -> upgradecheck.Result:
        """The policy file isn't JSON; one without rules is in no format."""
        path = self.conf.find_file(self.conf.oslo_policy.policy_file)
        try:
            if path and not policy_files.read(path):
                return success()
        except policy_files.Broken:
            pass
        return common_checks.check_policy_json(self, self.conf)

    def policy_rules(self) -> upgradecheck.Result:
        """The policy files are mappings of rules that can be parsed, and that
        this release knows.
        """
        faults = list(policy_files.faults(self.conf))
        if faults:
            return failure('; '.join(faults))
        unknown = list(policy_files.unknown(self.conf))
        return warning('; '.join(unknown)) if unknown else success()

    _upgrade_checks = (
        ('Storage and schema', storage),
        ('Installed packages', packages),
        ('Names of options', option_names),
        ('Policy file format', policy_format),
        ('Policy file rules', policy_rules),
    )


@common.command(PROG, failed=ERROR)
def main(argv: list[str]) -> int:
    """Run the checks. Exit code 0 if all is well, 1 for a warning, 2 for a
    failure, 255 for an error in a check.
    """
    conf = configuration.new()
    policy_opts.set_defaults(conf)
    upgradecheck.register_cli_options(conf, Checks(conf))
    files.read(conf, argv, PROG, quiet=True)
    # The library looks here for --json.
    upgradecheck.CONF = conf
    return int(upgradecheck.run(conf))


if __name__ == '__main__':
    sys.exit(main())
