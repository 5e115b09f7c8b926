// A client of munjigi for pages and for programs (Node 18 or later): log in, call, refresh. See ../clients.md.
//
// A refresh token is used once, so there is one refresh at a time: in this object, and in all tabs of the origin (Web Locks).
// Tabs share the new access token (BroadcastChannel).

/**
 * A refusal by munjigi. Of `429` and `503` it says how many seconds to wait; tokens are kept then. `data` is what some refusals
 * come with, such as the challenge of `SECOND_FACTOR_REQUIRED`.
 */
export class MunjigiError extends Error {
  constructor(status, code, message, retryAfter, data) {
    super(message);
    Object.assign(this, { name: "MunjigiError", status, code, retryAfter, data });
  }
}

export class Munjigi {
  #server;
  #transport;
  #refresh;
  #onRefresh;
  #access;
  #running;
  #channel;

  /**
   * `transport`: where the refresh token is. "cookie" for pages: no script sees it. "body" for programs: then `refresh` is the
   * token of an earlier session, and `onRefresh` is called with each new one, to store it, and with nothing when the
   * session is over.
   */
  constructor(server, { transport = "cookie", refresh, onRefresh = () => {} } = {}) {
    this.#server = server;
    this.#transport = transport;
    this.#refresh = refresh;
    this.#onRefresh = onRefresh;
    if (transport === "cookie" && globalThis.navigator?.locks) {
      this.#channel = new BroadcastChannel(`munjigi ${server}`);
      this.#channel.onmessage = ({ data }) => { this.#access = data; };
    }
  }

  /**
   * Logs in, for example with `{ username, password }` or `{ username, password, user_type: "client" }`. An account with a second
   * factor is refused with `SECOND_FACTOR_REQUIRED`: `secondStep` continues.
   */
  async logIn(credentials) {
    await this.#begin("/auth/login", credentials);
  }

  /** Completes a login: `challenge` is the error's `data`, `proof` for example `{ method: "totp", code }`. */
  async secondStep(challenge, proof) {
    await this.#begin("/auth/login/second-factor", { challenge_id: challenge.challenge_id, ...proof });
  }

  /** Ends the session. */
  async logOut() {
    await this.#post("/auth/logout", { refresh: this.#refresh });
    await this.#keep({});
  }

  /**
   * As `fetch`, with the access token: only for services that may have it. Refused with `401`, it refreshes and repeats the
   * request once, so a body must not be a stream. Throws a `MunjigiError` if the session is over or munjigi does not answer.
   */
  async fetch(url, init = {}) {
    const token = await this.token();
    const answer = await this.#send(url, init, token);
    return answer.status === 401 ? this.#send(url, init, await this.renewed(token)) : answer;
  }

  /** An access token. It may have expired. */
  async token() {
    return this.#access ?? this.renewed(undefined);
  }

  /** A newer access token than this one. */
  async renewed(old) {
    this.#running ??= this.#alone(() => this.#renew(old)).finally(() => { this.#running = undefined; });
    await this.#running;
    return this.#access;
  }

  async #renew(old) {
    // While this one waited, another call or tab has refreshed.
    if (this.#access && this.#access !== old) return;
    if (this.#transport === "body" && !this.#refresh) {
      throw new MunjigiError(401, "UNAUTHORIZED", "not logged in", 0);
    }
    try {
      await this.#keep(await this.#post("/auth/refresh", { refresh: this.#refresh }));
    } catch (error) {
      // Only 401 ends the session. After any other error the same tokens work later.
      if (error.status === 401) await this.#keep({});
      throw error;
    }
  }

  /** Runs a function in one tab at a time. */
  async #alone(run) {
    const name = `munjigi ${this.#server}`;
    return this.#channel ? navigator.locks.request(name, run) : run();
  }

  async #begin(path, body) {
    await this.#keep(await this.#post(path, { ...body, transport: this.#transport }));
  }

  async #keep({ access, refresh }) {
    this.#access = access;
    this.#channel?.postMessage(access);
    if (this.#transport === "body") {
      this.#refresh = refresh;
      await this.#onRefresh(refresh);
    }
  }

  #send(url, init, token) {
    const headers = new Headers(init.headers);
    headers.set("Authorization", `Bearer ${token}`);
    return fetch(url, { ...init, headers });
  }

  async #post(path, body) {
    const answer = await fetch(this.#server + path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      credentials: this.#transport === "cookie" ? "include" : "omit",
      body: JSON.stringify(body),
    });
    // A proxy in front of munjigi may answer with a page.
    const { code, message, data } = await answer.json().catch(() => ({}));
    if (answer.ok) return data ?? {};
    throw new MunjigiError(answer.status, code, message, Number(answer.headers.get("Retry-After") ?? 0), data);
  }
}
