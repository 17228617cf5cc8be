package tenantsecrets

import (
	"time"

	"github.com/formbridge/tenantsecrets/internal/document"
)

// OAuth is how tokens for a destination are had (RFC 6749):
//
//	{"grant_type": "client_credentials", "token_url": "https://…", "client_id": "…",
//	 "client_secret": "…", "scopes": ["read"], "refresh_token": "…",
//	 "refresh_expires_at": "2026-01-02T15:04:05Z", "generation": 3, "tenant_id": "t_abc123"}
//
// grant_type, token_url and client_id are required, client_secret for the grant
// client_credentials and refresh_token for the grant of that name. token_url is https,
// or http on a loopback address. Access tokens live for minutes and are not stored.
type OAuth struct {
	GrantType    string // "client_credentials", "refresh_token", or another
	TokenURL     string
	ClientID     string
	ClientSecret Value
	Scopes       []string // stored as an array, or as one string with blanks between
	RefreshToken Value

	// RefreshExpiresAt is when RefreshToken can no longer be used; zero: not known.
	RefreshExpiresAt time.Time

	// Generation counts how often RefreshToken was replaced, so that one who holds an
	// older one sees that another process has used it. Who replaces it adds one.
	Generation int
}

// OAuthToken is the OAuth client of one of the tenant's destinations, at
// destinations/{name}/oauth_token. A name that is no part of one is ErrInvalidName from
// [Get].
func OAuthToken(destination string) Kind[OAuth] {
	return Kind[OAuth]{Path: destinationPath(destination, "oauth_token"), Decode: decodeOAuth, Encode: encodeOAuth}
}

func decodeOAuth(stored []byte) (OAuth, error) {
	d, err := document.DecodeOAuth(string(stored))
	if err != nil {
		return OAuth{}, err
	}
	return OAuth{
		GrantType: d.GrantType, TokenURL: d.TokenURL, ClientID: d.ClientID, ClientSecret: NewValue(d.ClientSecret),
		Scopes: d.Scopes, RefreshToken: NewValue(d.RefreshToken), RefreshExpiresAt: d.RefreshExpiresAt, Generation: d.Generation,
	}, nil
}

func encodeOAuth(a OAuth) ([]byte, error) {
	return encoded(document.OAuth{
		GrantType: a.GrantType, TokenURL: a.TokenURL, ClientID: a.ClientID, ClientSecret: a.ClientSecret.Reveal(),
		Scopes: a.Scopes, RefreshToken: a.RefreshToken.Reveal(), RefreshExpiresAt: a.RefreshExpiresAt, Generation: a.Generation,
	}.Encode())
}
