"""Sends the requests of simplejwt_cases.json to the real library and to munjigi, and prints both answers of each.

JSON in: {"django": URL, "munjigi": URL, "settings": name, "key": secret, "ids": {username: id}, "password": text,
"id_claim": name, "type_claim": name}. JSON out:
[{"id", "django", "munjigi", "same"}]. A row of the table:

id       the case; rows of one behaviour have one id and a letter
do       method and path, below the prefix of the token views, or the protected view `/api/me`, whose body is not compared
body     JSON; `raw` is text instead. Strings that begin with `$` stand for a token of the row or, `$0.refresh`, for a field of
         an earlier answer of `first`
tokens   claims of tokens to forge: {"in": seconds} is a time from now, {"user": name} an id, null leaves a claim out
first    requests before it
difference  the id of a row in the table of differences of docs/simplejwt.md, where the answers differ
settings the name of the settings of both servers, without it `default`
"""

import json
import sys
import time
import uuid
import warnings
from base64 import urlsafe_b64encode
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


def send(url, request, tokens, answers):
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
    return {"status": answer.status, "challenge": answer.headers["WWW-Authenticate"], "json": found}


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
        shown_claims = {name: claims[name] for name in (asked["type_claim"], asked["id_claim"], "test_claim") if name in claims}
        # The library reads the clock several times.
        return {**shown_claims, "seconds": round(claims["exp"] - claims["iat"], -1)}
    return body


def answer(url, row):
    tokens = {name: forged(spec) for name, spec in row.get("tokens", {}).items()}
    answers = []
    try:
        for request in [*row.get("first", []), row]:
            answers.append(send(url, request, tokens, answers))
    except Unresolved as error:
        return {"status": 0, "json": str(error)}
    last = answers[-1]
    if row["do"].endswith("/api/me"):
        # Views have bodies of their own.
        return {"status": last["status"]}
    found = {"status": last["status"], "json": shown(last["json"])}
    if last["challenge"]:
        found["challenge"] = last["challenge"]
    return found


results = []
for row in table:
    if row.get("settings", "default") != asked["settings"]:
        continue
    theirs = answer(asked["django"], row)
    ours = answer(asked["munjigi"], row) if asked.get("munjigi") else None
    results.append({"id": row["id"], "django": theirs, "munjigi": ours, "same": theirs == ours})
print(json.dumps(results, ensure_ascii=False))
