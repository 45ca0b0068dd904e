"""Policy files as operators write them: what the upgrade check says, and what oslo.policy's own
commands do.
"""

import pathlib

from tests.live import programs, test_manage


class TestPolicyFile(test_manage.CommandTest):
    """What the upgrade check says of a policy file."""

    def check(self, text: str) -> tuple[int, dict[str, tuple[int, str]]]:
        """Write a policy file and check."""
        pathlib.Path(self.folder, 'policy.yaml').write_text(text)
        self.configure(f'sqlite:///{self.folder}/freezer.sqlite')
        self.manage('db', 'sync')
        return self.upgrade_check()

    def test_correct_file_passes(self):
        """Rules of the service, and rules that they use."""
        code, checks = self.check(
            '"operators": "role:operator"\n"sessions:delete": "rule:operators"\n'
        )
        self.assertEqual(0, code, checks)

    def test_json_file_fails(self):
        """JSON fails."""
        code, checks = self.check('{"sessions:delete": "role:operator"}')
        self.assertEqual(2, code)
        self.assertEqual(2, checks['Policy file format'][0])

    def test_unreadable_file_fails(self):
        """What can't be parsed, or is no mapping, fails."""
        for text in ('a: [', '- a\n- b\n'):
            code, checks = self.check(text)
            self.assertEqual(2, code, text)
            self.assertEqual(2, checks['Policy file rules'][0], text)

    def test_unknown_rule_is_a_warning(self):
        """A rule that nothing uses is a warning."""
        code, checks = self.check('"sessions:destroy": "role:operator"\n')
        self.assertEqual(1, code)
        self.assertEqual(1, checks['Policy file rules'][0])
        self.assertIn('sessions:destroy', checks['Policy file rules'][1])

    def test_file_without_rules_passes(self):
        """A file that says nothing is no fault."""
        for text in ('', '{}', '{}\n', '# nothing\n', '---\n'):
            code, checks = self.check(text)
            self.assertEqual(0, code, checks)

    def test_rule_with_a_fault_fails(self):
        """Each is told with its file, its name and the defect."""
        for text, defect in (
            ('"jobs:get": "role:a or or"', 'not understood'),
            ('"jobs:get": "rule:b"', 'the rule b'),
            ('"jobs:get": "not (role:a and rule:b)"', 'the rule b'),
            ('"jobs:get": "what"', 'not understood'),
            ('"jobs:get": 7', 'is not a rule'),
            ('"jobs:get": "rule:jobs:get"', 'jobs:get -> jobs:get'),
            ('"a": "rule:c"\n"c": "rule:a"', 'a -> c -> a'),
        ):
            code, checks = self.check(text + '\n')
            result, details = checks['Policy file rules']
            self.assertEqual(2, code, text)
            self.assertEqual(2, result, text)
            for part in (f'{self.folder}/policy.yaml', text.split('"')[1], defect):
                self.assertIn(part, details)

    def test_files_of_folders_are_read_last(self):
        """Their files count after the policy file, by their names; a rule may stand in another
        file.
        """
        folder = pathlib.Path(self.folder, 'policy.d')
        folder.mkdir()
        (folder / 'a.yaml').write_text('"operators": "role:operator"\n')
        self.assertEqual(0, self.check('"sessions:delete": "rule:operators"\n')[0])
        (folder / 'b.yaml').write_text('"operators": "rule:nobody"\n')
        _code, checks = self.check('"sessions:delete": "rule:operators"\n')
        self.assertIn(
            f'{folder}/b.yaml: operators refers to the rule nobody', checks['Policy file rules'][1]
        )

    def test_commands_of_oslo_policy_work(self):
        """oslo.policy's own, by the service's namespace."""
        self.check(
            '"sessions:delete": "rule:admin_or_owner_or_service"\n"jobs:get": "role:auditor"\n'
        )
        named = ('--namespace', 'freezer-api', '--config-file', self.config_file)
        for program, said in (
            ('oslopolicy-validator', ''),
            ('oslopolicy-policy-generator', '"jobs:get": "role:auditor"'),
            ('oslopolicy-list-redundant', ''),
        ):
            ended = programs.run(program, *named)
            self.assertEqual(0, ended.returncode, ended.stderr)
            self.assertIn(said, ended.stdout)
        self.check('"jobs:get": "rule:nobody"\n')
        self.assertEqual(1, programs.run('oslopolicy-validator', *named).returncode)
