package webhook

import (
	"bytes"
	"context"
	"errors"
	"net/http"
)

// Middleware passes verified webhooks to a handler. It answers all others itself with
// the status that [Status] returns and that status's name, and nothing else; a 503 has
// a Retry-After of 10 s. tenant returns the tenant that a request claims to be from:
// [PathTenant], [HostTenant] or a function of your own, which must not read the body.
//
// The handler finds the whole body in r.Body and the [Match] by [FromContext]. With
// a [ReplayGuard], a handler that answers with 5xx or panics has not handled the
// message: the message is released and may come again.
//
// The body is read before the keys are looked up, so set the http.Server's
// ReadHeaderTimeout and ReadTimeout: they bound how long a sender may take. A
// ContentLength of 0 with a body other than http.NoBody counts as not set.
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
		refuse(w, Status(err))
		return
	}
	r = accept(r, m, body)
	if v.options.Replay == nil {
		v.options.Observe(ctx, m, nil)
		next.ServeHTTP(w, r)
		return
	}
	v.serveClaimed(w, r, m, next)
}

// retryAfter is what a sender is told in seconds with a 503. Loads that signatures may
// cause for one tenant are at most 10 s apart: by then newer keys may be looked for
// again. It is one number for all, so that it tells nothing.
const retryAfter = "10"

func refuse(w http.ResponseWriter, status int) {
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	http.Error(w, http.StatusText(status), status)
}

// serveClaimed releases the message unless the handler has handled it. A panic
// goes on its way, the observer's too.
func (v *Verifier) serveClaimed(w http.ResponseWriter, r *http.Request, m Match, next http.Handler) {
	observed := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	handled := false
	defer func() {
		if handled {
			return
		}
		ctx := context.WithoutCancel(r.Context()) // the sender may be gone
		if err := v.Release(ctx, m); err != nil {
			v.options.Observe(ctx, m, failed(m.Tenant, err))
		}
	}()
	v.options.Observe(r.Context(), m, nil)
	next.ServeHTTP(observed, r)
	handled = observed.status < http.StatusInternalServerError
}

// statusWriter notes the status of the answer. What else a ResponseWriter can do
// is found by http.ResponseController.
type statusWriter struct {
	http.ResponseWriter
	status int
	sent   bool
}

func (w *statusWriter) WriteHeader(status int) {
	if !w.sent && status >= http.StatusOK { // 1xx come before the answer
		w.status, w.sent = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.sent = true
	return w.ResponseWriter.Write(b)
}

// Flush is here for handlers that ask for an http.Flusher.
func (w *statusWriter) Flush() { _ = w.FlushError() }

// FlushError is for http.ResponseController. A flush answers 200 where no status
// was written: none that comes later counts.
func (w *statusWriter) FlushError() error {
	err := http.NewResponseController(w.ResponseWriter).Flush()
	if !errors.Is(err, http.ErrNotSupported) {
		w.sent = true
	}
	return err
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// FromContext returns the webhook that a handler behind [Verifier.Middleware]
// serves; false elsewhere.
func FromContext(ctx context.Context) (Match, bool) {
	m, ok := ctx.Value(matchKey{}).(*Match)
	if !ok {
		return Match{}, false
	}
	return *m, true
}

type matchKey struct{}

// accepted is all that a handler is given, in one allocation.
type accepted struct {
	ctx   matchContext
	body  restored
	match Match
}

func accept(r *http.Request, m Match, body []byte) *http.Request {
	a := &accepted{match: m}
	a.ctx = matchContext{r.Context(), &a.match}
	a.body.Reset(body)
	r = r.WithContext(&a.ctx)
	r.Body = &a.body
	return r
}

type matchContext struct {
	context.Context
	match *Match
}

func (c *matchContext) Value(key any) any {
	if key == (matchKey{}) {
		return c.match
	}
	return c.Context.Value(key)
}

// restored is a body that has been read before.
type restored struct{ bytes.Reader }

// Close does nothing: the server closes the body that came in.
func (*restored) Close() error { return nil }
