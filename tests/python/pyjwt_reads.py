"""PyJWT reads a pair of tokens, by the secret or by the public keys of the server, and finds the claims that are promised in
them. JSON in, JSON out."""

import json
import sys
import time

import jwt
from other_keys import other_key_for

asked = json.load(sys.stdin)
algorithm = asked["algorithm"]
if "jwk_url" in asked:
    keys = jwt.PyJWKClient(asked["jwk_url"])
    key_of = keys.get_signing_key_from_jwt
    other = other_key_for(asked).public_key()
else:
    key_of = lambda token: asked["key"]  # noqa: E731
    other = other_key_for(asked)
read = []
for token_type, lifetime in (("access", 30 * 60), ("refresh", 30 * 24 * 60 * 60)):
    token = asked[token_type]
    header = jwt.get_unverified_header(token)
    assert header["alg"] == algorithm, header
    assert header["typ"] == ("at+jwt" if token_type == "access" else "JWT"), header
    assert header["kid"], header
    claims = jwt.decode(
        token,
        key_of(token),
        algorithms=[algorithm],
        issuer=asked.get("issuer"),
        audience=asked.get("audience"),
        options={"require": ["exp", "iat", "jti", "sub", "token_type", "user_type", "user_seq", "sid"]},
    )
    assert claims["token_type"] == token_type, claims
    assert claims["user_type"] == asked["user_type"], claims
    assert claims["user_seq"] == asked["user_seq"], claims
    assert claims["sub"] == f"{asked['user_type']}:{asked['user_seq']}", claims
    assert claims["exp"] - claims["iat"] == lifetime, claims
    assert abs(claims["iat"] - time.time()) < 60, claims
    assert len(claims["jti"]) == 32 and int(claims["jti"], 16) >> 76 & 0xF == 7, claims
    if token_type == "access":
        assert claims.get("role") == asked["role"], claims
        assert claims.get("email") == asked["email"], claims
    else:
        assert "role" not in claims and "email" not in claims, claims
    for name, key in ((algorithm, other), ("none", key_of(token))):
        try:
            jwt.decode(token, key, algorithms=[name], options={"verify_aud": False})
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError, jwt.InvalidKeyError):
            pass
        else:
            raise AssertionError(f"accepted by {name} and another key")
    read.append(token_type)
print(json.dumps({"read": read}))
