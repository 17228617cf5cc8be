package webhook

import (
	"context"
	"net/http"
)

// Middleware passes verified webhooks to a handler. It answers all other requests itself,
// with the status that [Status] returns and the status text as the body, so that a sender
// does not learn why. A 503 has a Retry-After of 10 s. tenant returns the tenant ID that a
// request names: use [PathTenant], [HostTenant] or a function of your own, which must not
// read the body.
//
// The handler reads the body from r.Body as usual, and gets the [Match] from [FromContext].
// With a [ReplayGuard], a handler that answers with 5xx or panics has not processed the
// message: the message is released and accepted when it is sent again.
//
// The body is read before the keys are looked up. Set ReadHeaderTimeout and ReadTimeout of
// the http.Server to limit how long a sender may take. A ContentLength of 0 with a body
// other than http.NoBody counts as not set.
func (v *Verifier) Middleware(tenant func(*http.Request) string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v.serve(w, r, tenant(r), next)
		})
	}
}

func (v *Verifier) serve(w http.ResponseWriter, r *http.Request, tenant string, next http.Handler) {
	ctx := r.Context()
	m, body, err := v.verify(ctx, tenant, r.Header, contentOf(r))
	if err != nil {
		v.options.Observe(ctx, m, err)
		answer(w, Status(err))
		return
	}
	r = verifiedRequest(r, m, body)
	if v.options.Replay == nil {
		v.options.Observe(ctx, m, nil)
		next.ServeHTTP(w, r)
		return
	}
	v.serveClaimed(w, r, m, next)
}

// retryAfter is the Retry-After of a 503, in seconds. Loads that signatures cause for one
// tenant are at most 10 s apart, so newer keys can be loaded again by then. It is the same
// for all, so that it tells nothing about a tenant.
const retryAfter = "10"

func answer(w http.ResponseWriter, status int) {
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	http.Error(w, http.StatusText(status), status)
}

// serveClaimed releases the message if the handler has not processed it. It does not
// recover from panics, neither of the handler nor of Observe.
func (v *Verifier) serveClaimed(w http.ResponseWriter, r *http.Request, m Match, next http.Handler) {
	recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
	processed := false
	defer func() {
		if processed {
			return
		}
		ctx := context.WithoutCancel(r.Context()) // the sender may have disconnected
		if err := v.Release(ctx, m); err != nil {
			v.options.Observe(ctx, m, failed(m.Tenant, err))
		}
	}()
	v.options.Observe(r.Context(), m, nil)
	next.ServeHTTP(recorder, r)
	processed = recorder.status < http.StatusInternalServerError
}
