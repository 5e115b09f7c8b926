"""A site as those that move to munjigi: Django REST framework with SimpleJWT and its blacklist app, and two user models.

SITE_DATABASE    the path of an SQLite file, or a postgres:// URL
SITE_SIMPLE_JWT  SIMPLE_JWT as JSON, durations in seconds
SITE_KEY         SECRET_KEY
"""

import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
execute_from_command_line(sys.argv)
