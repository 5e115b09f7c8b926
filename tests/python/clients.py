"""Runs the clients of docs/clients against a server whose access tokens expire after a second, and where a refresh token that is
used twice ends the session. JSON in, JSON out."""

import asyncio
import json
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


print(json.dumps({"requests": with_requests(), "httpx": asyncio.run(with_httpx())}))
