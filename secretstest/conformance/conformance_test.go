package conformance_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"go.uber.org/goleak"

	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/secretstest/conformance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestInProcess(t *testing.T) {
	conformance.Run(t, conformance.Server{Choices: true, Open: func(*testing.T) conformance.Target {
		b, c := newBackend()
		return conformance.Target{API: b, Clock: c, Lambda: b.RegisterLambda, SetKMSKey: b.SetKMSKey, Post: handed(b.Handler())}
	}})
}

func TestOverHTTP(t *testing.T) {
	conformance.Run(t, conformance.Server{Choices: true, Open: func(t *testing.T) conformance.Target {
		b, c := newBackend()
		server := httptest.NewServer(b.Handler())
		t.Cleanup(server.Close)
		return conformance.Target{
			API: newClient(t, server.URL, firstKey, onceMore()), Other: newClient(t, server.URL, otherKey, onceMore()),
			Clock: c, Lambda: b.RegisterLambda, SetKMSKey: b.SetKMSKey, Post: poster(server.URL),
		}
	}})
}

func newBackend() (*secretstest.Backend, *clock) {
	c := &clock{now: time.Date(2026, 3, 14, 15, 9, 26, 535897932, time.UTC)}
	return secretstest.New(func(o *secretstest.Options) {
		o.Now = c.Now
		o.AccessKeys = map[string]string{otherKey: "210987654321"}
	}), c
}

// Access keys of two accounts.
const (
	firstKey = "AKIDEXAMPLE"
	otherKey = "AKIDOTHER"
)

// onceMore repeats a call whose connection the SDK itself has broken, and no other:
// it closes the request's body once the answer begins, and where the transport is
// not done with it yet, the rest of an answer of over 4 KiB is lost. The SDK's own
// retryer does the same (aws/retry, RetryableConnectionError).
func onceMore() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.Retryables = []retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			return aws.BoolTernary(strings.Contains(err.Error(), "use of closed network connection"))
		})}
	})
}

// newClient is the real client.
func newClient(t *testing.T, endpoint, accessKey string, retryer aws.Retryer) *secretsmanager.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: &endpoint,
		Region:       "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: rand.Text()}, nil
		}),
		HTTPClient: &http.Client{Transport: transport},
		Retryer:    retryer,
	})
}

// handed gives raw requests to a handler without a network.
func handed(handler http.Handler) func(operation, body string) (int, string, error) {
	return func(operation, body string) (int, string, error) {
		request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		request.Header.Set("X-Amz-Target", "secretsmanager."+operation)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		return answer.Code, answer.Body.String(), nil
	}
}

// poster sends raw requests; the servers look at the credential scope and not
// at the signature.
func poster(endpoint string) func(operation, body string) (int, string, error) {
	return func(operation, body string) (int, string, error) {
		request, err := http.NewRequest(http.MethodPost, endpoint+"/", bytes.NewBufferString(body))
		if err != nil {
			return 0, "", err
		}
		request.Header.Set("X-Amz-Target", "secretsmanager."+operation)
		request.Header.Set("Content-Type", "application/x-amz-json-1.1")
		request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+firstKey+"/20260314/us-east-1/secretsmanager/aws4_request, SignedHeaders=host, Signature=0")
		request.Close = true
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			return 0, "", err
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		return response.StatusCode, string(answer), err
	}
}

// clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
