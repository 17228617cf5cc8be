package document

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

const tokenURL = "https://login.example.com/oauth2/token"

var oauthKind = kindOf[OAuth]{
	least: shape{
		{"grant_type", `"client_credentials"`},
		{"token_url", `"` + tokenURL + `"`},
		{"client_id", `"c1"`},
		{"client_secret", `"MARKER"`},
		{"tenant_id", `"MARKER"`},
		note,
	},
	decode: DecodeOAuth,
	encode: OAuth.Encode,
	trim: func(a *OAuth) {
		if len(a.Scopes) == 0 {
			a.Scopes = nil
		}
	},
}

// client is what is read of the smallest document, with edits.
func client(edits ...func(*OAuth)) func(marker string) OAuth {
	return func(marker string) OAuth {
		a := OAuth{GrantType: "client_credentials", TokenURL: tokenURL, ClientID: "c1", ClientSecret: marker}
		for _, edit := range edits {
			edit(&a)
		}
		return a
	}
}

func scopes(scopes ...string) func(*OAuth) { return func(a *OAuth) { a.Scopes = scopes } }

func at(url string) func(*OAuth) { return func(a *OAuth) { a.TokenURL = url } }

var oauthAccepted = []form[OAuth]{
	{"what client_credentials needs", nil, client()},
	{"all members", []string{
		"grant_type", `"refresh_token"`, "scopes", `["read","write:all"]`, "refresh_token", `"rMARKER"`,
		"refresh_expires_at", `"2026-01-02T15:04:05Z"`, "generation", `3`,
	}, func(m string) OAuth {
		return OAuth{
			GrantType: "refresh_token", TokenURL: tokenURL, ClientID: "c1", ClientSecret: m, Scopes: []string{"read", "write:all"},
			RefreshToken: "r" + m, RefreshExpiresAt: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC), Generation: 3,
		}
	}},
	{"a public client", []string{"grant_type", `"refresh_token"`, "client_secret", ``, "refresh_token", `"MARKER"`}, func(m string) OAuth {
		return OAuth{GrantType: "refresh_token", TokenURL: tokenURL, ClientID: "c1", RefreshToken: m}
	}},
	{"another grant", []string{"grant_type", `"urn:ietf:params:oauth:grant-type:jwt-bearer"`, "client_secret", ``}, func(string) OAuth {
		return OAuth{GrantType: "urn:ietf:params:oauth:grant-type:jwt-bearer", TokenURL: tokenURL, ClientID: "c1"}
	}},
	{"scopes as they stand in a request", []string{"scopes", `"read  write:all"`}, client(scopes("read", "write:all"))},
	{"an empty text of scopes", []string{"scopes", `""`}, client(scopes())},
	{"an empty list of scopes", []string{"scopes", `[]`}, client(scopes())},
	{"http on a loopback address", []string{"token_url", `"http://127.0.0.1:8080/token"`}, client(at("http://127.0.0.1:8080/token"))},
	{"http on ::1", []string{"token_url", `"http://[::1]/token"`}, client(at("http://[::1]/token"))},
	{"http on localhost", []string{"token_url", `"http://localhost/token"`}, client(at("http://localhost/token"))},
	{"a query", []string{"token_url", `"https://login.example.com/token?realm=a"`}, client(at("https://login.example.com/token?realm=a"))},
	{"a generation of 0", []string{"generation", `0`}, client()},
	{"the largest generation", []string{"generation", `2147483647`}, client(func(a *OAuth) { a.Generation = 2147483647 })},
	{"an empty refresh_token", []string{"refresh_token", `""`}, client()},
}

const (
	noTokenURL   = "token_url is not an https URL without user and fragment"
	noGeneration = "generation is not a whole number from 0 to 2147483647"
	noScope      = "scopes has an element that is no scope"
)

var oauthRefused = []refusal{
	{"no grant_type", []string{"grant_type", ``}, "grant_type is missing"},
	{"an empty grant_type", []string{"grant_type", `""`}, "grant_type is empty"},
	{"no token_url", []string{"token_url", ``}, "token_url is missing"},
	{"no client_id", []string{"client_id", ``}, "client_id is missing"},
	{"a number for client_id", []string{"client_id", `17`}, "client_id is not a string"},
	{"no client_secret", []string{"client_secret", ``}, "client_secret is missing, without which the grant client_credentials gets no token"},
	{"an empty client_secret", []string{"client_secret", `""`}, "client_secret is missing, without which the grant client_credentials gets no token"},
	{"null for client_secret", []string{"client_secret", `null`}, "client_secret is not a string"},
	{"a redacted client_secret", []string{"client_secret", `"[redacted]"`}, "client_secret is the text that is printed in place of a secret"},
	{"a redacted refresh_token", []string{"refresh_token", `"[redacted]"`}, "refresh_token is the text that is printed in place of a secret"},
	{"no refresh_token", []string{"grant_type", `"refresh_token"`}, "refresh_token is missing, without which the grant refresh_token gets no token"},
	{"Client_Secret", []string{"Client_Secret", `"MARKER"`, "client_secret", ``, "grant_type", `"other"`}, "client_secret is written in another case"},
	{"http", []string{"token_url", `"http://login.example.com/token"`}, noTokenURL},
	{"http on a name that begins as loopback does", []string{"token_url", `"http://127.0.0.1.example.com/token"`}, noTokenURL},
	{"http on a private address", []string{"token_url", `"http://10.0.0.1/token"`}, noTokenURL},
	{"another scheme", []string{"token_url", `"ftp://login.example.com/token"`}, noTokenURL},
	{"no scheme", []string{"token_url", `"login.example.com/token"`}, noTokenURL},
	{"no host", []string{"token_url", `"https:///token"`}, noTokenURL},
	{"a URL that is opaque", []string{"token_url", `"https:login.example.com"`}, noTokenURL},
	{"a user", []string{"token_url", `"https://MARKER:MARKER@login.example.com/"`}, noTokenURL},
	{"a loopback host for a user", []string{"token_url", `"http://localhost@login.example.com/"`}, noTokenURL},
	{"a fragment", []string{"token_url", `"https://login.example.com/#MARKER"`}, noTokenURL},
	{"a line break", []string{"token_url", `"https://login.example.com/\nMARKER"`}, noTokenURL},
	{"no URL", []string{"token_url", `"https://%zz/MARKER"`}, noTokenURL},
	{"a number for scopes", []string{"scopes", `7`}, "scopes is not an array"},
	{"an object for scopes", []string{"scopes", `{"MARKER":true}`}, "scopes is not an array"},
	{"null for scopes", []string{"scopes", `null`}, "scopes is not an array"},
	{"a number among scopes", []string{"scopes", `["read",7]`}, noScope},
	{"an empty scope", []string{"scopes", `["read",""]`}, noScope},
	{"two scopes in one", []string{"scopes", `["read MARKER"]`}, noScope},
	{"a generation in words", []string{"generation", `"3"`}, noGeneration},
	{"null for generation", []string{"generation", `null`}, noGeneration},
	{"a negative generation", []string{"generation", `-1`}, noGeneration},
	{"half a generation", []string{"generation", `1.5`}, noGeneration},
	{"a generation beyond 31 bits", []string{"generation", `2147483648`}, noGeneration},
	{"a generation beyond 64 bits", []string{"generation", `99999999999999999999`}, noGeneration},
	{"a date for refresh_expires_at", []string{"refresh_expires_at", `"2026-01-02"`}, "refresh_expires_at is not an RFC 3339 time"},
	{"seconds for refresh_expires_at", []string{"refresh_expires_at", `3600`}, "refresh_expires_at is not a string"},
}

func TestDecodeOAuth(t *testing.T) {
	t.Run("accepted", func(t *testing.T) { oauthKind.accepts(t, oauthAccepted) })
	t.Run("refused", func(t *testing.T) { oauthKind.refuses(t, oauthRefused) })
}

// What could not be read back is not written.
func TestEncodeOAuthRefused(t *testing.T) {
	for _, tt := range []struct {
		what string
		edit func(*OAuth)
		want string
	}{
		{"no grant", func(a *OAuth) { a.GrantType = "" }, "grant_type is empty"},
		{"no secret", func(a *OAuth) { a.ClientSecret = "" }, "client_secret is missing, without which the grant client_credentials gets no token"},
		{"a redacted secret", func(a *OAuth) { a.ClientSecret = Redaction }, "client_secret is the text that is printed in place of a secret"},
		{"http", at("http://login.example.com/"), noTokenURL},
		{"a scope of two words", scopes("read write"), noScope},
		{"an empty scope", scopes(""), noScope},
		{"a negative generation", func(a *OAuth) { a.Generation = -1 }, noGeneration},
		{"invalid UTF-8", func(a *OAuth) { a.ClientID = "\xff" }, "a member to be written is not valid UTF-8"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			marker := newMarker()
			text, err := client(tt.edit)(marker).Encode()
			checkSays(t, err, tt.want, marker)
			if text != "" {
				t.Error("there is a text all the same")
			}
		})
	}
}

func TestOAuthRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.String().Filter(func(s string) bool { return s != "" && s != Redaction })
		a := OAuth{
			GrantType:        rapid.SampledFrom([]string{"client_credentials", "refresh_token", "other"}).Draw(t, "grant_type"),
			TokenURL:         rapid.SampledFrom([]string{tokenURL, "http://localhost:1/", "https://a/?b=c"}).Draw(t, "token_url"),
			ClientID:         drawText(t, "client_id"),
			ClientSecret:     secret.Draw(t, "client_secret"),
			RefreshToken:     secret.Draw(t, "refresh_token"),
			RefreshExpiresAt: drawTime(t, "refresh_expires_at"),
			Generation:       rapid.IntRange(0, maxGeneration).Draw(t, "generation"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "scopes") {
			a.Scopes = append(a.Scopes, rapid.StringMatching(`[!#-\[\]-~]{1,12}`).Draw(t, "scope")) // RFC 6749, section 3.3
		}
		oauthKind.checkRoundTrip(t, a)
	})
}
