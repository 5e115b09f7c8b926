"""PyJWT reads a pair of tokens and finds the claims that are promised in them. JSON in, JSON out."""

import json
import sys
import time

import jwt

asked = json.load(sys.stdin)
read = []
for token_type, lifetime in (("access", 30 * 60), ("refresh", 30 * 24 * 60 * 60)):
    token = asked[token_type]
    header = jwt.get_unverified_header(token)
    assert header["alg"] == asked["algorithm"], header
    assert header["typ"] == "JWT", header
    assert header["kid"], header
    claims = jwt.decode(
        token,
        asked["key"],
        algorithms=[asked["algorithm"]],
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
    for algorithm, key in ((asked["algorithm"], asked["key"][::-1]), ("none", asked["key"])):
        try:
            jwt.decode(token, key, algorithms=[algorithm], options={"verify_aud": False})
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError, jwt.InvalidKeyError):
            pass
        else:
            raise AssertionError(f"accepted by {algorithm} and another key")
    read.append(token_type)
print(json.dumps({"read": read}))
