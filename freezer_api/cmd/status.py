"""``freezer-manager-status upgrade check``: whether this release can serve what an operator has."""

import sys

import yaml
from oslo_config import cfg
from oslo_policy import opts as policy_opts
from oslo_upgradecheck import common_checks, upgradecheck

from freezer_api import conf as configuration
from freezer_api import db, exceptions, policies
from freezer_api.cmd import common
from freezer_api.conf import files

PROG = 'freezer-manager-status'


def success() -> upgradecheck.Result:
    """Nothing to do."""
    return upgradecheck.Result(upgradecheck.Code.SUCCESS)


def failure(details: str) -> upgradecheck.Result:
    """An operator has to act before this release can serve."""
    return upgradecheck.Result(upgradecheck.Code.FAILURE, details)


class Checks(upgradecheck.UpgradeCommands):
    """The checks, in the order in which they are told; they only read."""

    def __init__(self, conf: cfg.ConfigOpts):
        self.conf = conf

    def storage(self) -> upgradecheck.Result:
        """The store answers and has this release's schema."""
        try:
            storage = db.load(self.conf)
        except (exceptions.FreezerError, cfg.Error) as error:
            return failure(common.describe(error))
        try:
            storage.check()
        except exceptions.SchemaOutOfDate as error:
            return failure(f'{common.describe(error)}. Run: freezer-manage db sync')
        except exceptions.StorageUnavailable as error:
            return failure(common.describe(error))
        finally:
            storage.close()
        return success()

    def policy_format(self) -> upgradecheck.Result:
        """The policy file isn't JSON."""
        return common_checks.check_policy_json(self, self.conf)

    def policy_rules(self) -> upgradecheck.Result:
        """The policy file is a mapping of rules that this release knows, or that the file's own rules may use."""
        path = self.conf.find_file(self.conf.oslo_policy.policy_file)
        if not path:
            return success()
        try:
            with open(path, encoding='utf-8') as file:
                rules = yaml.safe_load(file) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            return failure(f'{path} cannot be read: {common.describe(error)}')
        if not isinstance(rules, dict):
            return failure(f'{path} is not a mapping of rule names to rules.')
        known = {rule.name for rule in policies.list_rules()}
        unknown = sorted(str(name) for name in rules if ':' in str(name) and name not in known)
        if unknown:
            return upgradecheck.Result(upgradecheck.Code.WARNING, f'{path} has rules that nothing asks for: {", ".join(unknown)}')
        return success()

    _upgrade_checks = (
        ('Storage and schema', storage),
        ('Policy file format', policy_format),
        ('Policy file rules', policy_rules),
    )


@common.command(PROG)
def main(argv: list[str]) -> int:
    """Run the checks. Exit code 0 if all is well, 1 for a warning, 2 for a failure, 255 for an error in a check."""
    conf = configuration.new()
    policy_opts.set_defaults(conf)
    upgradecheck.register_cli_options(conf, Checks(conf))
    files.read(conf, argv, PROG)
    # The library looks here for --json.
    upgradecheck.CONF = conf
    return int(upgradecheck.run(conf))


if __name__ == '__main__':
    sys.exit(main())
