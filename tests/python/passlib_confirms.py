"""passlib confirms the hash that stands in a SQLite database, and makes one of its own. JSON in, JSON out."""

import json
import sqlite3
import sys

from passlib.hash import bcrypt_sha256

asked = json.load(sys.stdin)
database = sqlite3.connect(f"file:{asked['database']}?mode=ro", uri=True)
(stored,) = database.execute("SELECT password_hash FROM users WHERE email = ?", (asked["email"],)).fetchone()
print(
    json.dumps(
        {
            "identified": bcrypt_sha256.identify(stored) and stored.startswith("$bcrypt-sha256$v=2,t=2b,r="),
            "right": bcrypt_sha256.verify(asked["right"], stored),
            "wrong": bcrypt_sha256.verify(asked["wrong"], stored),
            "made": bcrypt_sha256.using(rounds=10).hash(asked["right"]),
        }
    )
)
