package webhook

import (
	"net"
	"net/http"
	"strings"
)

// PathTenant takes the tenant from the route, as PathValue does: "tenant" for
// "POST /webhooks/{tenant}". The middleware must be inside the ServeMux; where it
// is around it, there is no value yet and every request is refused.
func PathTenant(name string) func(*http.Request) string {
	return func(r *http.Request) string { return r.PathValue(name) }
}

// HostTenant takes the tenant from the host: t_abc123 of t_abc123.hooks.example.com
// for the domain "hooks.example.com". On the way hosts may come to be written in
// lower case, and tenant ids are not: use it where all ids are in lower case.
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
