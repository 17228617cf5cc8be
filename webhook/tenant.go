package webhook

import (
	"net"
	"net/http"
	"strings"
)

// PathTenant returns a function for [Verifier.Middleware] that takes the tenant ID from a
// wildcard of the route: name is "tenant" for "POST /webhooks/{tenant}". Register the
// middleware's handler with the ServeMux. If the middleware wraps the whole ServeMux, there
// is no path value yet and every request is refused.
func PathTenant(name string) func(*http.Request) string {
	return func(r *http.Request) string { return r.PathValue(name) }
}

// HostTenant returns a function for [Verifier.Middleware] that takes the tenant ID from the
// host name: t_abc123 from t_abc123.hooks.example.com if domain is "hooks.example.com".
// Clients and proxies may convert host names to lower case, and tenant IDs are
// case-sensitive, so use it only if all your tenant IDs are in lower case.
func HostTenant(domain string) func(*http.Request) string {
	return func(r *http.Request) string {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		tenant, rest, _ := strings.Cut(host, ".")
		if !strings.EqualFold(rest, domain) {
			return ""
		}
		return tenant
	}
}
