// A service that verifies access tokens by itself: Express and jose.
//
// npm install express jose
// MUNJIGI_URL=https://auth.example.org node express_service.mjs

import express from "express";
import { createRemoteJWKSet, jwtVerify } from "jose";

const url = process.env.MUNJIGI_URL; // server.public_url
const issuer = process.env.MUNJIGI_ISSUER ?? url; // tokens.issuer
const audience = process.env.MUNJIGI_AUDIENCE; // one of tokens.audience, if that is set
const algorithm = process.env.MUNJIGI_ALGORITHM ?? "EdDSA"; // of the signing key
const keys = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`), { cacheMaxAge: 900_000 });

async function caller(request, response, next) {
  const [scheme, token] = (request.get("authorization") ?? "").split(" ");
  const refuse = () => response.set("WWW-Authenticate", "Bearer").sendStatus(401);
  if (scheme.toLowerCase() !== "bearer" || !token) return refuse();
  try {
    const requiredClaims = ["exp", "sub", "token_type", "user_type"];
    const { payload } = await jwtVerify(token, keys, { algorithms: [algorithm], issuer, audience, requiredClaims });
    // A refresh token has the same issuer and signature.
    if (payload.token_type !== "access") return refuse();
    request.claims = payload;
  } catch {
    return refuse();
  }
  next();
}

// The number of an account does not tell users and clients apart.
const internalUser = (request, response, next) =>
  request.claims.user_type === "user" ? next() : response.sendStatus(403);

const app = express();
app.get("/whoami", caller, ({ claims }, response) => response.json({ sub: claims.sub, role: claims.role ?? null }));
app.get("/reports", caller, internalUser, ({ claims }, response) => response.json({ reports: [], reader: claims.sub }));
app.listen(Number(process.env.PORT ?? 8001), "127.0.0.1");
