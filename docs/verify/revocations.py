"""A service that checks access tokens of munjigi by itself and refuses revoked ones. Needs Python 3.9.

    pip install "pyjwt[crypto]"
    MUNJIGI_URL=https://auth.example.org MUNJIGI_CREDENTIALS="Basic ..." PORT=9000 python3 revocations.py

It gets the public keys from munjigi, which must sign with a key pair: see verify.md.

MUNJIGI_CREDENTIALS are those of a service (`munjigi service create`): "Basic " and base64 of its name, a colon and its secret.

A thread calls GET /oauth/revocations, which answers as soon as something was revoked. A request with a valid token is
answered 200 with the caller, one with another token 401. While the keys, or what was revoked, are not known the answer is
503.

It checks: signature and algorithm, exp, iat, token_type, iss, aud if it is given, ended sessions, and tokens from before a
new role of an account or a new secret of a service. It does not check whether the caller may do what it asks for: compare
`user_type`, `sub` and `role`.
"""

import json
import os
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

URL = os.environ["MUNJIGI_URL"].rstrip("/")  # server.public_url
ISSUER = os.environ.get("MUNJIGI_ISSUER", URL)  # tokens.issuer
AUDIENCE = os.environ.get("MUNJIGI_AUDIENCE")  # one of tokens.audience, if that is set
ALGORITHM = os.environ.get("MUNJIGI_ALGORITHM", "EdDSA")  # of the signing key
CREDENTIALS = os.environ["MUNJIGI_CREDENTIALS"]

WAIT = 20  # seconds that munjigi may wait for a revocation before it answers
MAX_AGE = 60  # seconds after which the last answer is too old to be relied on

# The keys are fetched at the first use and kept. An unknown `kid` fetches them again.
keys = jwt.PyJWKClient(f"{URL}/.well-known/jwks.json", lifespan=900, timeout=5)


def verified(token, audience, required):
    """The claims of a token or statement; raises jwt.PyJWTError."""
    key = keys.get_signing_key_from_jwt(token).key
    options = {"require": ["exp", "iat", "iss", *required]}
    return jwt.decode(token, key, algorithms=[ALGORITHM], issuer=ISSUER, audience=audience, options=options)


class Revocations:
    """What was revoked, as far as it still matters."""

    def __init__(self):
        self.sessions = {}  # sid: until when its access tokens can be valid
        self.accounts = {}  # sub: (tokens issued until then are revoked, in ms; until when they can be valid)
        self.cursor = None
        self.read_at = None

    def follow(self):
        while True:
            try:
                self.read()
            except (OSError, jwt.PyJWTError) as error:
                print(f"cannot read the revocations: {error}", flush=True)
                time.sleep(1)

    def read(self):
        query = "?" + urllib.parse.urlencode({"since": self.cursor}) if self.cursor else ""
        headers = {"Authorization": CREDENTIALS, "Prefer": f"wait={WAIT}"}
        request = urllib.request.Request(f"{URL}/oauth/revocations{query}", headers=headers)
        asked_at = time.monotonic()
        with urllib.request.urlopen(request, timeout=WAIT + 10) as answer:
            signed = answer.read().decode()
        if jwt.get_unverified_header(signed).get("typ") != "munjigi-revocations+jwt":
            raise jwt.InvalidTokenError("not a statement of revocations")
        statement = verified(signed, None, ["cursor"])
        self.apply(statement)
        self.cursor, self.read_at = statement["cursor"], asked_at

    def apply(self, statement):
        now = time.time()
        # A complete statement replaces everything that is known.
        sessions = {} if statement["complete"] else {sid: at for sid, at in self.sessions.items() if at > now}
        accounts = {} if statement["complete"] else {sub: of for sub, of in self.accounts.items() if of[1] > now}
        sessions.update((one["sid"], one["until"]) for one in statement["sessions"])
        for one in statement["accounts"]:
            new, old = (one["issued_until_ms"], one["until"]), accounts.get(one["sub"], (0, 0))
            accounts[one["sub"]] = tuple(map(max, new, old))
        self.sessions, self.accounts = sessions, accounts

    def are_known(self):
        return self.read_at is not None and time.monotonic() - self.read_at < MAX_AGE

    def contain(self, claims):
        issued_until, _ = self.accounts.get(claims["sub"], (0, 0))
        # The first 12 digits of `jti` are the time of issue in milliseconds.
        # Tokens of services have no session.
        return claims.get("sid") in self.sessions or int(claims["jti"][:12], 16) <= issued_until


def check(token, revocations):
    """The claims of an access token; raises jwt.PyJWTError."""
    claims = verified(token, AUDIENCE, ["jti", "sub", "token_type"])
    if claims["token_type"] != "access":
        raise jwt.InvalidTokenError("not an access token")
    if revocations.contain(claims):
        raise jwt.InvalidTokenError("the token was revoked")
    return claims


class Handler(BaseHTTPRequestHandler):
    revocations = Revocations()

    def do_GET(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if not self.revocations.are_known():
            self.answer(503, {"error": "it is not known what was revoked"})
        elif scheme.lower() != "bearer":
            self.answer(401, {"error": "send an access token"})
        else:
            try:
                claims = check(token, self.revocations)
                self.answer(200, {"sub": claims["sub"], "user_type": claims["user_type"], "role": claims.get("role")})
            except jwt.PyJWKClientConnectionError:
                self.answer(503, {"error": "the keys cannot be fetched"})
            except jwt.PyJWTError as error:
                self.answer(401, {"error": str(error)})

    def answer(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    threading.Thread(target=Handler.revocations.follow, daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Handler)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()
