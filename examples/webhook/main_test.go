package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnswers(t *testing.T) {
	var out strings.Builder
	if err := run(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	const want = `the tenant's own       200 OK
another body           401 Unauthorized
a forged signature     401 Unauthorized
no signature           401 Unauthorized
an unknown tenant      401 Unauthorized
no tenant at all       401 Unauthorized
known, in an outage    200 OK
unknown, in an outage  503 Service Unavailable
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}

func TestBodyOverTheLimitIsNotHashed(t *testing.T) {
	c, err := tenantsecrets.New(secretstest.New(), tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodPost, "/webhooks/t_abc123", strings.NewReader(strings.Repeat("x", maxBody+1)))
	receiver(c).ServeHTTP(recorder, request)
	if recorder.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("status = %d", recorder.Code)
	}
}
