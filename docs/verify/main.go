// A service that verifies access tokens by itself: Go. A sketch: it is not run by a test.
//
//	go get github.com/MicahParks/keyfunc/v3 github.com/golang-jwt/jwt/v5
//	MUNJIGI_URL=https://auth.example.org go run main.go
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

func main() {
	url := os.Getenv("MUNJIGI_URL") // server.public_url, and the issuer if tokens.issuer is not set
	keys, err := keyfunc.NewDefault([]string{url + "/.well-known/jwks.json"})
	if err != nil {
		log.Fatal(err)
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{"EdDSA"}), // the algorithm of the signing key
		jwt.WithIssuer(url),
		jwt.WithExpirationRequired(),
		// jwt.WithAudience("api.example.org") if tokens.audience is set
	)
	http.HandleFunc("/whoami", func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		claims := jwt.MapClaims{}
		_, err := parser.ParseWithClaims(token, claims, keys.Keyfunc)
		// A refresh token has the same issuer and signature.
		if !strings.EqualFold(scheme, "Bearer") || err != nil || claims["token_type"] != "access" {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "a valid access token is required", http.StatusUnauthorized)
			return
		}
		// The number of an account does not tell users and clients apart.
		if claims["user_type"] != "user" {
			http.Error(w, "internal users only", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"sub": claims["sub"], "role": claims["role"]})
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:8001", nil))
}
