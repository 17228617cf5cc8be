package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnswers(t *testing.T) {
	var out, reasons strings.Builder
	if err := run(context.Background(), &out, slog.New(slog.NewTextHandler(&reasons, nil))); err != nil {
		t.Fatal(err)
	}
	const want = `Secrets Manager is available:
  signed by the tenant               200 OK
  the same request again             401 Unauthorized
  the body was changed               401 Unauthorized
  no signature                       401 Unauthorized
  signed an hour ago                 401 Unauthorized
  an unknown tenant                  401 Unauthorized
  not a tenant ID                    401 Unauthorized
  a body of 1 MiB                    413 Request Entity Too Large
Secrets Manager is unavailable:
  signed by the tenant               200 OK
  signed with a key not seen before  503 Service Unavailable, retry after 10 s
  a tenant not seen before           503 Service Unavailable, retry after 10 s
2 webhooks were processed
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
	if n := strings.Count(reasons.String(), "webhook refused"); n != 9 {
		t.Errorf("%d reasons were logged:\n%s", n, reasons.String())
	}
}

// TestProcessingFails checks that a message that could not be processed is accepted when
// it is sent again with the same signature.
func TestProcessingFails(t *testing.T) {
	keys, failed := webhooktest.NewKeys("t_abc123"), errors.New("the database is unavailable")
	process := func(m webhook.Match, body []byte) error {
		if m.Tenant != "t_abc123" || string(body) != "paid" {
			t.Errorf("match %+v, body %q", m, body)
		}
		return failed
	}
	receiver, err := newReceiver(keys, process, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	r := webhooktest.NewRequest(t, keys.Of("t_abc123"), "/webhooks/t_abc123", "paid")
	post := func() int {
		again, w := r.Clone(t.Context()), httptest.NewRecorder()
		again.Body = io.NopCloser(strings.NewReader("paid"))
		receiver.ServeHTTP(w, again)
		return w.Code
	}
	if status := post(); status != http.StatusInternalServerError {
		t.Errorf("processing failed, and the status is %d, want 500", status)
	}
	failed = nil
	if status := post(); status != http.StatusOK {
		t.Errorf("sent again, the status is %d, want 200", status)
	}
	if status := post(); status != http.StatusUnauthorized {
		t.Errorf("sent again after it was processed, the status is %d, want 401", status)
	}
}

// TestServerHasTimeLimits checks that a sender that sends nothing cannot keep a connection
// open.
func TestServerHasTimeLimits(t *testing.T) {
	s := newServer(http.NotFoundHandler())
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout < s.ReadHeaderTimeout || s.IdleTimeout <= 0 {
		t.Errorf("time limits are %v for headers, %v for a request, %v idle, want all set", s.ReadHeaderTimeout, s.ReadTimeout, s.IdleTimeout)
	}
}
