package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/formbridge/tenantsecrets/webhook"
)

// newReceiver returns the handler of a service that receives webhooks, one route per
// tenant. process gets the verified ones; log gets why others were refused, which their
// senders are not told.
func newReceiver(keys webhook.Keys, process func(webhook.Match, []byte) error, log *slog.Logger) (http.Handler, error) {
	v, err := webhook.New(keys, func(o *webhook.Options) { // Standard Webhooks, timestamps within 5 min
		o.MaxBody = 256 << 10
		// For one process. Several that serve the same tenants need a guard in a store
		// that they share, see webhook.ReplayGuard.
		o.Replay = webhook.RememberReplays(0)
		o.Observe = func(ctx context.Context, m webhook.Match, err error) {
			if err != nil {
				log.WarnContext(ctx, "webhook refused", "tenant", m.Tenant, "status", webhook.Status(err), "error", err)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	verified := v.Middleware(webhook.PathTenant("tenant"))
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/{tenant}", verified(receive(process)))
	return mux, nil
}

// receive runs for verified webhooks only.
func receive(process func(webhook.Match, []byte) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, _ := webhook.FromContext(r.Context()) // whose it is, and the message's ID
		body, err := io.ReadAll(r.Body)          // read and bounded by the middleware
		if err == nil {
			err = process(m, body)
		}
		if err != nil {
			// 5xx releases the message: the sender may send the same request again.
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
}

// newServer returns a server with time limits. An http.Server has none by default, and
// everybody can open a connection to it.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h,

		// A sender that never ends its headers would keep a connection, a goroutine and
		// a file descriptor for ever.
		ReadHeaderTimeout: 5 * time.Second,

		// The same for headers and body together. A body is read before its signature
		// can be checked: MaxBody bounds how large it may be, this how long it may take.
		ReadTimeout: 15 * time.Second,

		// How long a connection may wait for its next request. Without it ReadTimeout
		// counts, and senders that post often would connect anew each time.
		IdleTimeout: 2 * time.Minute,
	}
}
