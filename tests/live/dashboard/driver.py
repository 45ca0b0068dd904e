"""A browser on Horizon, run by the interpreter that Horizon is installed for.

Each line of its input is a request, in JSON, each line of its output what was answered and what is
on the page.
"""

import os

import django


def main() -> None:
    """Set Horizon up, then answer requests until there are no more."""
    os.environ['DJANGO_SETTINGS_MODULE'] = 'openstack_dashboard.settings'
    django.setup()
    import browser

    browser.main()


if __name__ == '__main__':
    main()
