"""Runs the clients of docs/clients against a server whose access tokens expire after a second, and where a refresh token that is
used twice ends the session. JSON in, JSON out."""

import asyncio
import base64
import hmac
import json
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import requests

asked = json.load(sys.stdin)
sys.path.insert(0, asked["clients"])

import munjigi_httpx  # noqa: E402
import munjigi_requests  # noqa: E402

server, me = asked["server"], asked["server"] + "/api/me"
name, password = asked["username"], asked["password"]


def expired(token):
    while requests.get(me, headers={"Authorization": f"Bearer {token}"}, timeout=60).status_code != 401:
        time.sleep(0.05)


def refused(error_class, status, call):
    try:
        call()
    except error_class as error:
        assert error.status == status, error.status
    else:
        raise AssertionError("not refused")


def with_requests():
    stored = []
    munjigi = munjigi_requests.Munjigi(server, on_refresh=stored.append, timeout=60)
    session = requests.Session()
    session.auth = munjigi
    error = munjigi_requests.MunjigiError
    refused(error, 401, lambda: session.get(me, timeout=60))
    refused(error, 401, lambda: munjigi.log_in(name, "a wrong password"))
    munjigi.log_in(name, password)
    # Ten threads with an expired token are one refresh.
    for count in (2, 3):
        expired(munjigi.renewed(None))
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda _: session.get(me, timeout=60), range(10)))
        assert [answer.status_code for answer in answers] == [200] * 10, answers
        assert len(stored) == count, stored
    # A body is sent again, and the refusal that is not about the token is returned.
    expired(munjigi.renewed(None))
    answer = session.post(server + "/api/users", json={"email": "new@example.org"}, timeout=60)
    assert answer.status_code == 403 and len(stored) == 4, (answer.text, stored)
    assert answer.request.body == b'{"email": "new@example.org"}', answer.request.body
    later = munjigi_requests.Munjigi(server, refresh=stored[-1], timeout=60)
    assert requests.get(me, auth=later, timeout=60).status_code == 200
    later.log_out()
    refused(error, 401, lambda: requests.get(me, auth=later, timeout=60))
    # The old object's token is over as well.
    refused(error, 401, lambda: session.get(me, timeout=60))
    assert stored[-1] is None
    return len(stored)


async def with_httpx():
    stored = []
    munjigi = munjigi_httpx.Munjigi(server, on_refresh=stored.append, timeout=60)
    await munjigi.log_in(name, password)
    async with httpx.AsyncClient(auth=munjigi, base_url=server, timeout=60) as api:
        for count in (2, 3):
            expired(await munjigi.renewed(None))
            answers = await asyncio.gather(*(api.get("/api/me") for _ in range(10)))
            assert [answer.status_code for answer in answers] == [200] * 10, answers
            assert len(stored) == count, stored
        expired(await munjigi.renewed(None))
        answer = await api.post("/api/users", json={"email": "new@example.org"})
        assert answer.status_code == 403 and len(stored) == 4, (answer.text, stored)
        await munjigi.log_out()
        try:
            await api.get("/api/me")
        except munjigi_httpx.MunjigiError as error:
            assert error.status == 401, error.status
        else:
            raise AssertionError("not refused")
    assert stored[-1] is None
    return len(stored)


def code_at(secret, step):
    key = base64.b32decode(secret)
    tag = hmac.digest(key, struct.pack(">q", int(time.time()) // 30 + step), "sha1")
    (number,) = struct.unpack_from(">I", tag, tag[-1] & 0x0F)
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


def second_factor():
    """Sets an authenticator app up. Returns its next code, and a recovery code."""
    munjigi = munjigi_requests.Munjigi(server, timeout=60)
    munjigi.log_in(name, password)
    path = server + "/auth/second-factors/totp"
    secret = requests.post(path, auth=munjigi, timeout=60).json()["data"]["secret"]
    body = {"code": code_at(secret, 0)}
    added = requests.post(path + "/confirm", json=body, auth=munjigi, timeout=60).json()
    return code_at(secret, 1), added["data"]["recovery_codes"][0]


def two_steps_with_requests(method, code):
    munjigi, error = munjigi_requests.Munjigi(server, timeout=60), munjigi_requests.MunjigiError
    try:
        munjigi.log_in(name, password)
    except error as refusal:
        assert refusal.code == "SECOND_FACTOR_REQUIRED", refusal.code
        challenge = refusal.data
    refused(error, 401, lambda: munjigi.second_step(challenge, method, "000000"))
    munjigi.second_step(challenge, method, code)
    assert requests.get(me, auth=munjigi, timeout=60).status_code == 200


async def two_steps_with_httpx(method, code):
    munjigi = munjigi_httpx.Munjigi(server, timeout=60)
    try:
        await munjigi.log_in(name, password)
    except munjigi_httpx.MunjigiError as refusal:
        assert refusal.code == "SECOND_FACTOR_REQUIRED", refusal.code
        await munjigi.second_step(refusal.data, method, code)
    async with httpx.AsyncClient(auth=munjigi, base_url=server, timeout=60) as api:
        assert (await api.get("/api/me")).status_code == 200


counts = {"requests": with_requests(), "httpx": asyncio.run(with_httpx())}
app_code, recovery_code = second_factor()
two_steps_with_requests("totp", app_code)
asyncio.run(two_steps_with_httpx("recovery_code", recovery_code))
print(json.dumps(counts))
