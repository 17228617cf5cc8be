package tenantsecrets_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// emptyAnswer is what a proxy or a broken server may answer in place of Secrets Manager:
// a success that says nothing.
type emptyAnswer struct {
	what   string
	status int
	body   string
	says   string // in the error
}

var emptyAnswers = []emptyAnswer{
	{"200 with an empty object", http.StatusOK, "{}", "the answer is empty"},
	{"200 with null", http.StatusOK, "null", "the answer could not be read"},
	{"200 without a body", http.StatusOK, "", "the answer is empty"},
	{"204", http.StatusNoContent, "", "the answer is empty"},
	{"200 with other members", http.StatusOK, `{"status":"ok"}`, "the answer is empty"},
	{"200 with empty names", http.StatusOK, `{"Name":"","ARN":""}`, "the answer is empty"},
}

// emptying is a server of Secrets Manager that answers one operation with nothing, once
// it is told to, and the real SDK client of it.
type emptying struct {
	*secretsmanager.Client
	stored    *secretstest.Backend
	operation atomic.Pointer[string]
}

func newEmptying(t *testing.T, a emptyAnswer) *emptying {
	t.Helper()
	b := secretstest.New()
	store(t, b, hmacName, document(t, nil))
	e := &emptying{stored: b}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if operation := e.operation.Load(); operation != nil && strings.HasSuffix(r.Header.Get("X-Amz-Target"), *operation) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.WriteHeader(a.status)
			_, _ = w.Write([]byte(a.body))
			return
		}
		b.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	e.Client = secretsmanager.New(secretsmanager.Options{
		Region:           "us-east-1",
		BaseEndpoint:     &server.URL,
		Credentials:      credentials.NewStaticCredentialsProvider(rand.Text(), rand.Text(), ""),
		HTTPClient:       &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		RetryMaxAttempts: 1,
	})
	return e
}

// An answer without name and ARN says nothing about the secret: what is cached is
// served, and nobody is told that another tenant's secret was answered.
func TestEmptyAnswersOverHTTP(t *testing.T) {
	for _, way := range []struct {
		what, operation string
		valuesOnly      bool
	}{
		{"a description", "DescribeSecret", false},
		{"a value", "GetSecretValue", false},
		{"a value, with ValuesOnly", "GetSecretValue", true},
	} {
		for _, a := range emptyAnswers {
			t.Run(way.what+"/"+a.what, func(t *testing.T) {
				e := newEmptying(t, a)
				option := func(o *tenantsecrets.Options) { o.ValuesOnly = way.valuesOnly }
				c := newClient(t, e, option)
				before := tenantSecret(t, c)
				put(t, e.stored, hmacName, document(t, nil)) // or the value would not be read again
				e.operation.Store(aws.String(way.operation))

				_, err := c.Refresh(t.Context(), tenant)
				checkSaysNothing(t, err, a.says)
				if again, err := c.TenantSecret(t.Context(), tenant); err != nil || again != before {
					t.Errorf("the cached value is not served: %v, error %v", again, err)
				}
				cold := newClient(t, e, option)
				_, err = cold.TenantSecret(t.Context(), tenant)
				checkSaysNothing(t, err, a.says)
				if n := c.Stats().WrongTenant + cold.Stats().WrongTenant; n != 0 {
					t.Errorf("%d answers were counted as another tenant's", n)
				}
			})
		}
	}
}

func checkSaysNothing(t *testing.T, err error, says string) {
	t.Helper()
	checkIs(t, err, tenantsecrets.ErrUnavailable)
	if errors.Is(err, tenantsecrets.ErrWrongTenant) {
		t.Errorf("%v is ErrWrongTenant", err)
	}
	if err != nil && !strings.Contains(err.Error(), says) {
		t.Errorf("%q does not say %q", err, says)
	}
}
