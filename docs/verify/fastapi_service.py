"""A service that verifies access tokens by itself: FastAPI and PyJWT.

pip install fastapi uvicorn "pyjwt[crypto]"
MUNJIGI_URL=https://auth.example.org uvicorn fastapi_service:app
"""

import os
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

URL = os.environ["MUNJIGI_URL"]  # server.public_url
ISSUER = os.environ.get("MUNJIGI_ISSUER", URL)  # tokens.issuer
AUDIENCE = os.environ.get("MUNJIGI_AUDIENCE")  # one of tokens.audience, if that is set
ALGORITHM = os.environ.get("MUNJIGI_ALGORITHM", "EdDSA")  # of the signing key

# The keys are fetched at the first request and kept. An unknown `kid` fetches them again, at most once in 30 seconds.
keys = jwt.PyJWKClient(f"{URL}/.well-known/jwks.json", lifespan=900, timeout=5)


def caller(sent: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]) -> dict:
    """The claims of a valid access token."""
    refused = HTTPException(401, "a valid access token is required", {"WWW-Authenticate": "Bearer"})
    if sent is None:
        raise refused
    try:
        claims = jwt.decode(
            sent.credentials,
            keys.get_signing_key_from_jwt(sent.credentials),
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"require": ["exp", "iss", "sub", "token_type", "user_type"]},
        )
    except jwt.PyJWKClientConnectionError as error:
        raise HTTPException(503, "the keys cannot be fetched", {"Retry-After": "5"}) from error
    except jwt.PyJWTError as error:
        raise refused from error
    # A refresh token has the same issuer and signature.
    if claims["token_type"] != "access":
        raise refused
    return claims


def internal_user(claims: Annotated[dict, Depends(caller)]) -> dict:
    """The claims of an internal user. The number of an account does not tell users and clients apart."""
    if claims["user_type"] != "user":
        raise HTTPException(403, "internal users only")
    return claims


app = FastAPI()


@app.get("/whoami")
def whoami(claims: Annotated[dict, Depends(caller)]) -> dict:
    return {"sub": claims["sub"], "role": claims.get("role")}


@app.get("/reports")
def reports(claims: Annotated[dict, Depends(internal_user)]) -> dict:
    return {"reports": [], "reader": claims["sub"]}
