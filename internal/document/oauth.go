package document

import (
	"net"
	"net/url"
	"strings"
	"time"
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

func (a *OAuth) take(o *object) {
	a.GrantType = o.required("grant_type")
	a.TokenURL = o.required("token_url")
	a.ClientID = o.required("client_id")
	a.ClientSecret = o.optionalSecret("client_secret")
	a.RefreshToken = o.optionalSecret("refresh_token")
	a.Scopes = takeScopes(o)
	a.RefreshExpiresAt = o.instant("refresh_expires_at")
	a.Generation = o.number("generation", 0, maxGeneration, false)
	a.check(o)
}

func (a *OAuth) check(o *object) {
	switch {
	case a.GrantType == grantClient && a.ClientSecret == "":
		o.bad("client_secret", "is missing, without which the grant %s gets no token", grantClient)
	case a.GrantType == grantRefresh && a.RefreshToken == "":
		o.bad("refresh_token", "is missing, without which the grant %s gets no token", grantRefresh)
	}
	// The client's secret goes there: RFC 6749, section 3.2, requires TLS.
	u, err := url.Parse(a.TokenURL)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		o.bad("token_url", "is not an https URL without user and fragment")
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// takeScopes takes an array of them, or one string in which blanks part them, as they
// stand in a request (RFC 6749, section 3.3).
func takeScopes(o *object) (scopes []string) {
	const name = "scopes"
	if value := o.value(name); value != nil && value.Kind() == '"' {
		text, _ := o.text(name)
		return strings.Fields(text)
	}
	for _, element := range o.list(name) {
		scope, _ := unquote(element)
		if scope == "" || strings.ContainsAny(scope, " \t\r\n") {
			o.bad(name, "has an element that is no scope")
		}
		scopes = append(scopes, scope)
	}
	return scopes
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
