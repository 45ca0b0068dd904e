"""Print one file of constraints for several versions of Python, from the
output of ``pip freeze`` for each of them.

The arguments are files named after the versions. A line bears a marker where
not all versions of Python agree on it.
"""

import collections
import pathlib
import re
import sys


def merge(pins: dict[str, list[str]]) -> list[str]:
    """The lines of the constraints, from the pins (``NAME==VERSION``) for each
    version of Python.
    """
    pythons: dict[str, dict[str, list[str]]] = collections.defaultdict(
        lambda: collections.defaultdict(list)
    )
    for python, lines in pins.items():
        for line in sorted(set(lines)):
            pythons[re.sub('[-_.]+', '-', line.split('==')[0]).lower()][
                line
            ].append(python)
    merged = []
    for lines_of_package in pythons.values():
        for line, versions in lines_of_package.items():
            marker = ' or '.join(
                f"python_version == '{version}'" for version in versions
            )
            merged.append(
                f'{line}; {marker}' if len(lines_of_package) > 1 else line
            )
    return sorted(merged, key=str.lower)


if __name__ == '__main__':
    files = [pathlib.Path(name) for name in sys.argv[1:]]
    print(
        '# The versions that the tests use. Made by tools/constraints; not'
        ' edited by hand.'
    )
    print(
        '\n'.join(
            merge(
                {
                    file.name: file.read_text().split('\n')[:-1]
                    for file in files
                }
            )
        )
    )
