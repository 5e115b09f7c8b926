"""Clients of httpx with munjigi's tokens: log in, call, refresh. See ../clients.md.

    munjigi = Munjigi("https://auth.example.org")
    await munjigi.log_in("ann@example.org", "a passphrase of mine")
    async with httpx.AsyncClient(auth=munjigi, base_url="https://api.example.org") as api:
        await api.get("/orders")

Tasks of one event loop can share one object. A refresh token is used once, so there is one refresh at a time.
"""

import asyncio

import httpx


class MunjigiError(Exception):
    """A refusal by munjigi. Of 429 and 503 it says how many seconds to wait; the tokens are kept then. `data` is what some
    refusals come with, such as the challenge of SECOND_FACTOR_REQUIRED."""

    def __init__(self, status, code=None, message=None, retry_after=0, data=None):
        super().__init__(message or code or status)
        self.status, self.code, self.retry_after, self.data = status, code, retry_after, data


def _data(response):
    try:
        answer = response.json()
    except ValueError:  # a proxy in front of munjigi may answer with a page
        answer = {}
    if response.status_code == 200:
        return answer.get("data", {})
    retry_after = int(response.headers.get("Retry-After", 0))
    code, message, data = (answer.get(name) for name in ("code", "message", "data"))
    raise MunjigiError(response.status_code, code, message, retry_after, data)


class Munjigi(httpx.Auth):
    """The tokens of one session. `refresh` is the refresh token of an earlier one; `on_refresh` is called with each new
    refresh token, to store it, and with None when the session is over."""

    def __init__(self, server, refresh=None, on_refresh=lambda token: None, timeout=10):
        self._server, self._timeout = server, timeout
        self._access, self._refresh, self._on_refresh = None, refresh, on_refresh
        self._lock = asyncio.Lock()

    async def log_in(self, username, password, user_type="user"):
        """An account with a second factor is refused with SECOND_FACTOR_REQUIRED: second_step continues."""
        body = {"username": username, "password": password, "user_type": user_type}
        async with self._lock:
            self._keep(await self._post("/auth/login", body))

    async def second_step(self, challenge, method, code):
        """Completes a login: `challenge` is the error's `data`, `method` is "totp" or "recovery_code"."""
        body = {"challenge_id": challenge["challenge_id"], "method": method, "code": code}
        async with self._lock:
            self._keep(await self._post("/auth/login/second-factor", body))

    async def log_out(self):
        async with self._lock:
            await self._post("/auth/logout", {"refresh": self._refresh})
            self._keep({})

    async def renewed(self, old):
        """A newer access token than this one. Raises MunjigiError if the session is over or munjigi does not answer."""
        async with self._lock:
            # While this task waited, another one has refreshed.
            if self._access is None or self._access == old:
                if self._refresh is None:
                    raise MunjigiError(401, message="not logged in")
                try:
                    self._keep(await self._post("/auth/refresh", {"refresh": self._refresh}))
                except MunjigiError as error:
                    # Only 401 ends the session. After any other error the same tokens work later.
                    if error.status == 401:
                        self._keep({})
                    raise
            return self._access

    async def async_auth_flow(self, request):
        """Adds the token to a request; httpx calls it for each one. The tokens go to every address that is called with
        this object, so give it only to clients of services that may have them. A body must not be a stream."""
        token = self._access or await self.renewed(None)
        request.headers["Authorization"] = f"Bearer {token}"
        answer = yield request
        if answer.status_code == 401:
            request.headers["Authorization"] = f"Bearer {await self.renewed(token)}"
            yield request

    def sync_auth_flow(self, request):
        raise RuntimeError("use httpx.AsyncClient, or munjigi_requests.py")

    def _keep(self, tokens):
        self._access, self._refresh = tokens.get("access"), tokens.get("refresh")
        self._on_refresh(self._refresh)

    async def _post(self, path, body):
        async with httpx.AsyncClient(timeout=self._timeout) as client:
            return _data(await client.post(self._server + path, json=body))
