"""A session of requests with munjigi's tokens: log in, call, refresh. See ../clients.md.

    munjigi = Munjigi("https://auth.example.org")
    munjigi.log_in("ann@example.org", "a passphrase of mine")
    session = requests.Session()
    session.auth = munjigi
    session.get("https://api.example.org/orders", timeout=10)

Threads can share one object. A refresh token is used once, so there is one refresh at a time.
"""

import threading

import requests


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


class Munjigi(requests.auth.AuthBase):
    """The tokens of one session. `refresh` is the refresh token of an earlier one; `on_refresh` is called with each new
    refresh token, to store it, and with None when the session is over."""

    def __init__(self, server, refresh=None, on_refresh=lambda token: None, timeout=10):
        self._server, self._timeout = server, timeout
        self._access, self._refresh, self._on_refresh = None, refresh, on_refresh
        self._lock = threading.Lock()

    def log_in(self, username, password, user_type="user"):
        """An account with a second factor is refused with SECOND_FACTOR_REQUIRED: second_step continues."""
        body = {"username": username, "password": password, "user_type": user_type}
        with self._lock:
            self._keep(self._post("/auth/login", body))

    def second_step(self, challenge, method, code):
        """Completes a login: `challenge` is the error's `data`, `method` is "totp" or "recovery_code"."""
        body = {"challenge_id": challenge["challenge_id"], "method": method, "code": code}
        with self._lock:
            self._keep(self._post("/auth/login/second-factor", body))

    def log_out(self):
        with self._lock:
            self._post("/auth/logout", {"refresh": self._refresh})
            self._keep({})

    def renewed(self, old):
        """A newer access token than this one. Raises MunjigiError if the session is over or munjigi does not answer."""
        with self._lock:
            # While this thread waited, another one has refreshed.
            if self._access is None or self._access == old:
                if self._refresh is None:
                    raise MunjigiError(401, message="not logged in")
                try:
                    self._keep(self._post("/auth/refresh", {"refresh": self._refresh}))
                except MunjigiError as error:
                    # Only 401 ends the session. After any other error the same tokens work later.
                    if error.status == 401:
                        self._keep({})
                    raise
            return self._access

    def __call__(self, request):
        """Adds the token to a request; requests calls it for each one. The tokens go to every address that is called with
        this object, so give it only to sessions of services that may have them. A body must not be a generator."""
        token = self._access or self.renewed(None)
        request.headers["Authorization"] = f"Bearer {token}"
        body = request.body
        start = body.tell() if hasattr(body, "tell") else None
        request.register_hook("response", lambda answer, **options: self._repeated(answer, token, start, options))
        return request

    def _repeated(self, answer, token, start, options):
        """The answer, or, if the token was refused, that to the same request with a new one."""
        if answer.status_code != 401 or "Authorization" not in answer.request.headers:
            return answer
        answer.content  # read to its end, so that the connection can be used again
        answer.close()
        request = answer.request.copy()
        request.headers["Authorization"] = f"Bearer {self.renewed(token)}"
        if start is not None:
            request.body.seek(start)
        repeated = answer.connection.send(request, **options)
        repeated.history.append(answer)
        repeated.request = request
        return repeated

    def _keep(self, tokens):
        self._access, self._refresh = tokens.get("access"), tokens.get("refresh")
        self._on_refresh(self._refresh)

    def _post(self, path, body):
        return _data(requests.post(self._server + path, json=body, timeout=self._timeout))
