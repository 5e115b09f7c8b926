"""A mail server for tests (aiosmtpd), one process per test.

Arguments: port (0 for any free port) and mode (plain, starttls, tls). The first line on standard output is {"port": n}.
Then one JSON line per complete message: {"event": "accepted" | "deferred", "from", "to", "tls", "user", "connection",
"headers", "text", "html"}, and one per rejected recipient: {"event": "refused", "to"}. It stops when standard input ends.
"""

import argparse
import asyncio
import email
import email.policy
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("mode", choices=["plain", "starttls", "tls"])
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--user", help="require this login, name:password")
    parser.add_argument("--defer", type=int, default=0, help="respond with 451 to the first N messages")
    parser.add_argument("--refuse", help="respond with 550 for this recipient")
    parser.add_argument("--close-after", type=int, default=0, help="close a connection after N messages")
    parser.add_argument("--stall", action="store_true", help="never respond after a message")
    return parser.parse_args()


def report(**event):
    print(json.dumps(event, ensure_ascii=True), flush=True)


class Handler:
    def __init__(self, options):
        self.options = options
        self.messages = 0
        self.connections = 0

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address == self.options.refuse:
            report(event="refused", to=address)
            return f"550 5.1.1 <{address}>: no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.messages += 1
        if not hasattr(session, "number"):
            self.connections += 1
            session.number, session.messages = self.connections, 0
        session.messages += 1
        message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        part = lambda kind: (body := message.get_body((kind,))) and body.get_content()
        report(
            event="deferred" if self.messages <= self.options.defer else "accepted",
            to=envelope.rcpt_tos,
            tls=session.ssl is not None or self.options.mode == "tls",
            user=(session.auth_data or b"").decode() if session.authenticated else None,
            connection=session.number,
            headers={name.lower(): str(value) for name, value in message.items()},
            text=part("plain"),
            html=part("html"),
            **{"from": envelope.mail_from},
        )
        if session.messages == self.options.close_after:
            asyncio.get_running_loop().call_later(0.02, server.transport.close)
        if self.options.stall:
            await asyncio.sleep(3600)
        if self.messages <= self.options.defer:
            # Quotes the address and the code, as real servers do.
            return f"451 4.7.1 <{envelope.rcpt_tos[0]}>: greylisted, {part('plain').split()}"[:400]
        return "250 OK"


async def main():
    options = arguments()
    context = None
    if options.mode != "plain":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)

    def authenticate(server, session, envelope, mechanism, data):
        given = f"{data.login.decode()}:{data.password.decode()}"
        return AuthResult(success=given == options.user, handled=False, auth_data=data.login)

    handler = Handler(options)

    def connection():
        return SMTP(
            handler,
            hostname="localhost",
            enable_SMTPUTF8=True,
            tls_context=context if options.mode == "starttls" else None,
            require_starttls=options.mode == "starttls",
            auth_required=options.user is not None,
            auth_require_tls=options.mode == "starttls",
            authenticator=authenticate,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        connection, "localhost", options.port, ssl=context if options.mode == "tls" else None
    )
    report(port=server.sockets[0].getsockname()[1])
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


# No messages about protocol violations of the client.
logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
asyncio.run(main())
