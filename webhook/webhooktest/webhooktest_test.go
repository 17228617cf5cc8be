package webhooktest_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

// A handler of one's own behind the middleware, tested: what is signed gets there,
// late webhooks, unknown tenants and an outage do not reach it.
func TestHandlerBehindVerifier(t *testing.T) {
	keys, clock := webhooktest.NewKeys("t_abc123"), webhooktest.NewClock()
	v, err := webhook.New(keys, clock.Option)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/{tenant}", v.Middleware(webhook.PathTenant("tenant"))(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, r.Body) // yours
		})))
	status := func(r *http.Request) int {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w.Code
	}

	r := webhooktest.NewRequest(t, keys.Of("t_abc123"), "/webhooks/t_abc123", `{"event":"paid"}`, clock.Sign)
	if got := status(r); got != http.StatusOK {
		t.Errorf("status is %d", got)
	}
	clock.Advance(time.Hour)
	if got := status(r.Clone(t.Context())); got != http.StatusUnauthorized {
		t.Errorf("an hour later: status is %d", got)
	}
	keys.Rotate("t_abc123")
	keys.Fail(tenantsecrets.ErrUnavailable)
	r = webhooktest.NewRequest(t, keys.Of("t_abc123"), "/webhooks/t_abc123", `{"event":"paid"}`, clock.Sign,
		func(r *webhooktest.Request) { r.ID = "msg_1" })
	if got := status(r); got != http.StatusServiceUnavailable {
		t.Errorf("in an outage: status is %d", got)
	}
}

func TestKeys(t *testing.T) {
	keys, clock := webhooktest.NewKeys("t_1", "t_2"), webhooktest.NewClock()
	v, err := webhook.New(keys, clock.Option)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(id string, r *http.Request) (webhook.Match, error) {
		return v.Verify(t.Context(), id, r.Header, []byte("body"))
	}
	r := webhooktest.NewRequest(t, keys.Of("t_1"), "/", "body", clock.Sign)
	if m, err := verify("t_1", r); err != nil || !m.Newest {
		t.Errorf("newest %v, %v", m.Newest, err)
	}
	for id, want := range map[string]error{
		"t_2": tenantsecrets.ErrMismatch, "t_3": tenantsecrets.ErrNotFound, "..": tenantsecrets.ErrInvalidTenant, "global": tenantsecrets.ErrInvalidTenant,
	} {
		if _, err := verify(id, r); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
	}
	keys.Rotate("t_1")
	if m, err := verify("t_1", r); err != nil || m.Newest {
		t.Errorf("after a rotation: newest %v, %v", m.Newest, err)
	}
	for range 8 {
		keys.Rotate("t_1")
	}
	if _, err := verify("t_1", r); !errors.Is(err, tenantsecrets.ErrMismatch) {
		t.Errorf("after nine: %v", err)
	}
	keys.Fail(tenantsecrets.ErrSuspended)
	if _, err := verify("t_1", r); !errors.Is(err, tenantsecrets.ErrSuspended) {
		t.Errorf("error is %v", err)
	}
	keys.Fail(nil)
	if _, err := verify("t_2", webhooktest.NewRequest(t, keys.Of("t_2"), "/", "body", clock.Sign)); err != nil {
		t.Error(err)
	}
}

// failing is a test that notes that it has failed.
type failing struct {
	testing.TB
	failed bool
}

func (f *failing) Helper()               {}
func (f *failing) Fatalf(string, ...any) { f.failed = true; panic(f) }

func TestNewRequestWithoutAKey(t *testing.T) {
	f := &failing{TB: t}
	defer func() {
		if recover() == nil || !f.failed {
			t.Error("the test goes on")
		}
	}()
	webhooktest.NewRequest(f, webhooktest.NewKeys().Of("t_1"), "/", "body")
}
