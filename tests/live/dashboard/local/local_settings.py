"""Horizon's settings as an operator writes them: Keystone's address, where sessions are kept, the
plugin's panels.
"""

import os
import pathlib

import freezer_ui.enabled
import openstack_dashboard.local.enabled

# Operators copy the files; the environment that is tested stays as it was installed.
openstack_dashboard.local.enabled.__path__.extend(freezer_ui.enabled.__path__)

OPENSTACK_KEYSTONE_URL = os.environ['FREEZER_TEST_KEYSTONE_URL']
SECRET_KEY = 'known to these tests alone'
LOCAL_PATH = str(pathlib.Path(__file__).parent)
ALLOWED_HOSTS = ['dashboard.example']
TIME_ZONE = 'UTC'
# One process has all sessions in its memory.
CACHES = {'default': {'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}}
# Style sheets and scripts are named in the pages but not built.
COMPRESS_ENABLED = False
COMPRESS_PRECOMPILERS = ()
LOGGING = {
    'version': 1,
    'disable_existing_loggers': False,
    'handlers': {'console': {'class': 'logging.StreamHandler'}},
    'root': {'handlers': ['console'], 'level': 'WARNING'},
}
