package document

import (
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// OAuth is how tokens for a destination are had (RFC 6749):
//
//	{"grant_type", "token_url", "client_id", "client_secret", "scopes": [],
//	 "refresh_token", "refresh_expires_at", "generation"}
type OAuth struct {
	GrantType, TokenURL    string
	ClientID, ClientSecret string
	Scopes                 []string
	RefreshToken           string
	RefreshExpiresAt       time.Time // zero: not known
	Generation             int       // how often the refresh token was replaced
}

// The grants of which it is known what they need.
const (
	grantClient  = "client_credentials"
	grantRefresh = "refresh_token"
)

const maxGeneration = 1<<31 - 1

// DecodeOAuth reads one. The error is a Malformed.
func DecodeOAuth(text string) (a OAuth, err error) {
	err = decodeKind(text, a.take)
	return a, err
}

func (a *OAuth) take(o *object) (err error) {
	for _, m := range []struct {
		name string
		into *string
		take func(string) (string, error)
	}{
		{"grant_type", &a.GrantType, o.required},
		{"token_url", &a.TokenURL, o.required},
		{"client_id", &a.ClientID, o.required},
		{"client_secret", &a.ClientSecret, o.optionalSecret},
		{"refresh_token", &a.RefreshToken, o.optionalSecret},
	} {
		if *m.into, err = m.take(m.name); err != nil {
			return err
		}
	}
	if a.Scopes, err = takeScopes(o); err != nil {
		return err
	}
	if a.RefreshExpiresAt, err = o.instant("refresh_expires_at"); err != nil {
		return err
	}
	if a.Generation, err = o.number("generation", 0, maxGeneration, false); err != nil {
		return err
	}
	return a.check()
}

func (a *OAuth) check() error {
	switch {
	case a.GrantType == grantClient && a.ClientSecret == "":
		return malformed("client_secret is missing, without which the grant %s gets no token", grantClient)
	case a.GrantType == grantRefresh && a.RefreshToken == "":
		return malformed("refresh_token is missing, without which the grant %s gets no token", grantRefresh)
	}
	// The client's secret goes there: RFC 6749, section 3.2, requires TLS.
	u, err := url.Parse(a.TokenURL)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return malformed("token_url is not an https URL without user and fragment")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// takeScopes takes an array of them, or one string in which blanks part them, as they
// stand in a request (RFC 6749, section 3.3).
func takeScopes(o *object) ([]string, error) {
	const name = "scopes"
	for _, m := range o.members {
		if m.name == name && m.value.Kind() == '"' {
			text, _, err := o.text(name)
			return strings.Fields(text), err
		}
	}
	elements, err := o.list(name)
	if err != nil {
		return nil, err
	}
	var scopes []string
	for _, element := range elements {
		scope, err := jsontext.AppendUnquote(nil, element)
		if err != nil || element.Kind() != '"' || len(scope) == 0 || strings.ContainsAny(string(scope), " \t\r\n") {
			return nil, malformed("scopes has an element that is no scope")
		}
		scopes = append(scopes, string(scope))
	}
	return scopes, nil
}

// Encode writes it. The error is a Malformed.
func (a OAuth) Encode() (string, error) {
	return encodeKind(func(w *writer) {
		w.text("grant_type", a.GrantType)
		w.text("token_url", a.TokenURL)
		w.text("client_id", a.ClientID)
		w.optional("client_secret", a.ClientSecret)
		if len(a.Scopes) > 0 {
			w.list("scopes", len(a.Scopes), func(i int) { w.element(a.Scopes[i]) })
		}
		w.optional("refresh_token", a.RefreshToken)
		w.time("refresh_expires_at", a.RefreshExpiresAt)
		w.number("generation", a.Generation)
	}, DecodeOAuth)
}
