"""Sends the requests of simplejwt_cases.json to the real library and to munjigi, and prints both answers of each.

JSON in: {"django": URL, "munjigi": URL, "settings": name, "key": secret, "ids": {username: id}, "password": text,
"id_claim": name, "type_claim": name, "flush": {"django": command, "munjigi": command}}, a command being
{"argv", "env", "directory"}. JSON out: [{"id", "django", "munjigi", "same"}]. A row of the table:

id       the case; rows of one behaviour have one id and a letter
do       method and path, below the prefix of the token views, or the protected view `/api/me`, of whose body the account is
         compared and, where it is refused, the code, by the table of codes in docs/simplejwt.md; or `flush`, the command that
         deletes expired tokens
body     JSON; `raw` is text instead. Strings that begin with `$` stand for a token of the row or, `$0.refresh`, for a field of
         an earlier answer of `first`
tokens   claims of tokens to forge: {"in": seconds} is a time from now, {"user": name} an id, null leaves a claim out
first    requests before it
difference  the id of a row in the table of differences of docs/simplejwt.md, where the answers differ
settings the name of the settings of both servers, without it `default`
parallel how often the request is sent at the same time; the answer is the set of statuses and the number of successors
expected what munjigi must answer where the library answers by chance

Of the cases of the library's own tests that can be sent over HTTP these have no row: V07, V08, V20, V21 (`last_login`), B01 to
B03, B05 to B11 and S16 look at rows of the database; S25 and S35 need a site without the blacklist app; S15, S26, S27 and B13
change or delete an account between two requests, V09 is not released; A13 is another authentication class; T27 is a claim that
munjigi does not write; B04 and B12 are in `django_move`; K10 to K16 with RS and ES algorithms and K15 need a key pair or an
address of keys, of which munjigi accepts no tokens of Django; K17 needs a site without the package cryptography. The timing of
log-ins is in `benches/ratios`.
"""

import json
import os
import subprocess
import sys
import time
import uuid
import warnings
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import jwt

# PyJWT warns of short keys, which some rows have.
warnings.simplefilter("ignore")
asked = json.load(sys.stdin)
table = json.loads((Path(__file__).parent / "simplejwt_cases.json").read_text("utf-8"))


def value_of(value):
    if isinstance(value, dict) and value.keys() == {"in"}:
        return int(time.time()) + value["in"]
    if isinstance(value, dict) and value.keys() == {"user"}:
        return str(asked["ids"][value["user"]])
    return value


def forged(spec):
    """A token; without anything else a refresh token of the user `active` that is valid for an hour."""
    now = int(time.time())
    kind = spec.get("token_type", "refresh")
    claims = {"token_type": kind, "exp": now + 3600, "iat": now, "jti": uuid.uuid4().hex, "user_id": str(asked["ids"]["active"])}
    if kind == "sliding":
        claims["refresh_exp"] = now + 7200
    claims.update({name: value_of(value) for name, value in spec.items() if not name.startswith("%")})
    claims = {name: None if value == "%null" else value for name, value in claims.items() if value is not None}
    key, algorithm = spec.get("%key", asked["key"]), spec.get("%alg", "HS256")
    headers = spec.get("%header")
    if algorithm == "none":
        return jwt.encode(claims, None, algorithm="none")
    if algorithm == "payload":
        parts = [b'{"alg":"HS256","typ":"JWT"}', b'"text"']
        signed = ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
        signature = jwt.get_algorithm_by_name("HS256").sign(signed.encode(), asked["key"].encode())
        return f"{signed}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    token = jwt.encode(claims, key, algorithm=algorithm, headers=headers)
    if spec.get("%tampered"):
        head, body, _ = token.split(".")
        token = ".".join((head, body, forged({}).split(".")[2]))
    return token


class Unresolved(Exception):
    """A value that an earlier answer does not have."""


def resolved(value, tokens, answers):
    if isinstance(value, dict):
        return {name: resolved(part, tokens, answers) for name, part in value.items()}
    if isinstance(value, list):
        return [resolved(part, tokens, answers) for part in value]
    if not isinstance(value, str) or "$" not in value:
        return value.replace("%password", asked["password"]) if isinstance(value, str) else value
    before, name = value.split("$", 1)
    name, *after = name.split("|")
    if name in tokens:
        found = tokens[name]
    else:
        step, field = name.split(".")
        body = answers[int(step)]["json"]
        if not isinstance(body, dict) or field not in body:
            raise Unresolved(f"answer {step} has no {field}: {body}")
        found = body[field]
    return before + found + "".join(after)


def flush(site):
    command = asked["flush"][site]
    inherited = dict(os.environ) if site == "django" else {}
    subprocess.run(command["argv"], env={**inherited, **command["env"]}, cwd=command["directory"], check=True, capture_output=True)
    return {"status": 0, "json": None, "challenge": None, "allow": None}


def send(site, request, tokens, answers):
    if request["do"] == "flush":
        return flush(site)
    url = asked[site]
    method, path = request["do"].split(" ", 1)
    path = path if path.startswith("/api") else f"/api/token{path}"
    headers = resolved(request.get("headers", {}), tokens, answers)
    if "raw" in request:
        headers.setdefault("Content-Type", "application/json")
        body = request["raw"].encode("latin-1" if "\u00ff" in request["raw"] else "utf-8")
    elif "form" in request:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(resolved(request["form"], tokens, answers)).encode()
    elif "body" in request:
        headers.setdefault("Content-Type", "application/json")
        body = json.dumps(resolved(request["body"], tokens, answers)).encode()
    else:
        body = None
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    try:
        found = json.loads(content)
    except ValueError:
        found = content.decode(errors="replace")[:60] if answer.status < 500 else "…"
    challenge, allow = answer.headers["WWW-Authenticate"], answer.headers["Allow"]
    return {"status": answer.status, "challenge": challenge, "allow": allow, "json": found}


def at_once(site, request, tokens, answers):
    """Many answers to one request: their statuses, and how many different tokens they have."""
    with ThreadPoolExecutor(request["parallel"]) as pool:
        calls = [pool.submit(send, site, request, tokens, answers) for _ in range(request["parallel"])]
        found = [call.result() for call in calls]
    successors = {answer["json"]["refresh"] for answer in found if answer["status"] == 200}
    return {"statuses": sorted({answer["status"] for answer in found}), "successors": len(successors)}


# Code of munjigi: codes of the library. Its tokens that are over have the code of all invalid ones, and a text of their own.
CODES = {
    "UNAUTHORIZED": {None},
    "INVALID_TOKEN": {"bad_authorization_header", "token_not_valid"},
    "TOKEN_EXPIRED": {"expired"},
    "USER_NOT_FOUND": {"user_not_found"},
    "USER_INACTIVE": {"user_inactive"},
    "SESSION_REVOKED": {"password_changed"},
    "METHOD_NOT_ALLOWED": {None},
}


def viewed(body):
    """What a protected view says: the account, or the code of the library."""
    if not isinstance(body, dict) or not body:
        return body
    if "data" in body:
        return {"id": body["data"]["user_seq"], "username": body["data"].get("username")}
    if "username" in body:
        return body
    if "success" in body:
        return {"codes": sorted(map(str, CODES.get(body["code"], {body["code"]})))}
    texts = {message["message"] for message in body.get("messages", ())}
    return {"code": str("expired" if texts == {"Token is expired"} else body.get("code"))}


def agree(theirs, ours):
    codes = ours.get("json", {}).get("codes") if isinstance(ours.get("json"), dict) else None
    code = theirs.get("json", {}).get("code") if isinstance(theirs.get("json"), dict) else None
    if codes and code:
        return theirs["status"] == ours["status"] and code in codes
    return theirs == ours


def shown(body):
    """A body without what differs from token to token: a token is shown by its type, lifetime and custom claim."""
    if isinstance(body, dict):
        return {name: shown(value) for name, value in body.items()}
    if isinstance(body, list):
        return [shown(value) for value in body]
    if isinstance(body, str) and body.startswith("JSON parse error - "):
        return "JSON parse error - "
    if isinstance(body, str) and body.count(".") == 2 and body.startswith("ey"):
        claims = jwt.decode(body, options={"verify_signature": False})
        names = (asked["type_claim"], asked["id_claim"], "test_claim")
        shown_claims = {name: claims[name] for name in names if name in claims}
        if "refresh_exp" in claims:
            shown_claims["refresh_seconds"] = round(claims["refresh_exp"] - claims["iat"], -1)
        # The library reads the clock several times.
        return {**shown_claims, "seconds": round(claims["exp"] - claims["iat"], -1)}
    return body


def answer(site, row):
    tokens = {name: forged(spec) for name, spec in row.get("tokens", {}).items()}
    answers = []
    try:
        for request in row.get("first", []):
            answers.append(send(site, request, tokens, answers))
        if "parallel" in row:
            return at_once(site, row, tokens, answers)
        last = send(site, row, tokens, answers)
    except Unresolved as error:
        return {"status": 0, "json": str(error)}
    if row["do"].endswith("/api/me"):
        return {"status": last["status"], "json": viewed(last["json"])}
    found = {"status": last["status"], "allow": last["allow"], "json": shown(last["json"])}
    if last["challenge"]:
        found["challenge"] = last["challenge"]
    return found


results = []
for row in table:
    if row.get("settings", "default") != asked["settings"]:
        continue
    theirs = answer("django", row)
    ours = answer("munjigi", row) if asked.get("munjigi") else None
    same = ours is not None and agree(theirs, ours)
    results.append({"id": row["id"], "django": theirs, "munjigi": ours, "same": same, "expected": row.get("expected")})
print(json.dumps(results, ensure_ascii=False))
