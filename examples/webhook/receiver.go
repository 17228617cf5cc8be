package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/formbridge/tenantsecrets/webhook"
)

// newReceiver returns the handler of a service that receives webhooks, with the tenant ID
// in the path. It calls process for verified webhooks, and logs why others were refused:
// their senders are not told.
func newReceiver(keys webhook.KeySource, process func(webhook.Match, []byte) error, log *slog.Logger) (http.Handler, error) {
	v, err := webhook.New(keys, func(o *webhook.Options) { // Standard Webhooks, timestamps within 5 min
		o.MaxBody = 256 << 10
		// This guard is for a single process. Several processes that serve the same
		// tenants need one in a shared store, see webhook.ReplayGuard.
		o.Replay = webhook.NewMemoryReplayGuard(0)
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

// receive returns a handler that runs for verified webhooks only.
func receive(process func(webhook.Match, []byte) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, _ := webhook.FromContext(r.Context()) // the tenant and the message ID
		body, err := io.ReadAll(r.Body)          // the middleware has read and limited it
		if err == nil {
			err = process(m, body)
		}
		if err != nil {
			// 5xx releases the message, so the same request is accepted when it is sent again.
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
}

// newServer returns a server with time limits. An http.Server has none by default, so
// anybody could keep its connections open.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h,

		// Without it, a sender that never ends its headers keeps a connection, a goroutine
		// and a file descriptor.
		ReadHeaderTimeout: 5 * time.Second,

		// The limit for headers and body together. The body is read before its signature is
		// checked: MaxBody limits its size, and ReadTimeout its duration.
		ReadTimeout: 15 * time.Second,

		// How long an idle connection is kept. Without it ReadTimeout applies, and frequent
		// senders have to open a new connection for most requests.
		IdleTimeout: 2 * time.Minute,
	}
}
