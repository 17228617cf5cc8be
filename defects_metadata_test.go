package tenantsecrets_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"weak"

	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smithymiddleware "github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/formbridge/tenantsecrets/secretstest"
)

// exposed is a real SDK client that notes the signed requests to be found in what
// it returns, without keeping them alive.
type exposed struct {
	*secretsmanager.Client
	token string // of the session, in every request

	mu       sync.Mutex
	requests []weak.Pointer[http.Request]
}

// newExposed returns a client of a server with the tenant's secret.
func newExposed(t *testing.T) (*exposed, *secretstest.Backend) {
	t.Helper()
	b := secretstest.New()
	store(t, b, hmacName, document(t, nil))
	server := httptest.NewServer(b.Handler())
	t.Cleanup(server.Close)
	e := &exposed{token: rand.Text()}
	e.Client = secretsmanager.New(secretsmanager.Options{
		Region:           "us-east-1",
		BaseEndpoint:     &server.URL,
		Credentials:      credentials.NewStaticCredentialsProvider(rand.Text(), rand.Text(), e.token),
		HTTPClient:       &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, // a connection keeps its last request
		RetryMaxAttempts: 1,
	})
	return e, b
}

func (e *exposed) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	out, err := e.Client.DescribeSecret(ctx, in, optFns...)
	if err != nil {
		e.noteError(err)
		return nil, err
	}
	e.noteMetadata(out.ResultMetadata)
	return out, nil
}

func (e *exposed) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	out, err := e.Client.GetSecretValue(ctx, in, optFns...)
	if err != nil {
		e.noteError(err)
		return nil, err
	}
	e.noteMetadata(out.ResultMetadata)
	return out, nil
}

func (e *exposed) noteMetadata(m smithymiddleware.Metadata) {
	if response, ok := middleware.GetRawResponse(m).(*smithyhttp.Response); ok {
		e.note(response)
	}
}

func (e *exposed) noteError(err error) {
	var failed *smithyhttp.ResponseError
	if errors.As(err, &failed) {
		e.note(failed.Response)
	}
}

func (e *exposed) note(response *smithyhttp.Response) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.requests = append(e.requests, weak.Make(response.Request))
}

// alive counts the requests that so many rounds of garbage collection leave. One
// round may not do, for the server and its connections end in their own time.
func (e *exposed) alive(rounds int) (n int) {
	for range rounds {
		runtime.GC()
		n = 0
		for _, request := range e.requests {
			if request.Value() != nil {
				n++
			}
		}
		if n == 0 {
			break
		}
	}
	return n
}

// ResultMetadata is cached with the answer: the HTTP response, and with it the
// signed request and its session token.
func TestDefect10SignedRequestsKept(t *testing.T) {
	t.Run("naive", func(t *testing.T) {
		e, _ := newExposed(t)
		cache := naiveCache(t, e)
		naiveRead(t, cache)
		if n := e.alive(3); n != 2 {
			t.Fatalf("%d signed requests are kept, want those of DescribeSecret and GetSecretValue", n)
		}
		for _, request := range e.requests {
			if request.Value().Header.Get("X-Amz-Security-Token") != e.token {
				t.Error("the session's token is not in it")
			}
		}
		runtime.KeepAlive(cache)
	})
	t.Run("here", func(t *testing.T) {
		e, _ := newExposed(t)
		c := newClient(t, e)
		s := tenantSecret(t, c)
		e.wantNoneOf(t, 2)
		runtime.KeepAlive(c)
		runtime.KeepAlive(s)
	})
	t.Run("here, in an error", func(t *testing.T) {
		for name, err := range map[string]error{"definite": secretstest.AccessDenied(), "transient": secretstest.InternalError()} {
			t.Run(name, func(t *testing.T) {
				e, b := newExposed(t)
				b.Inject(secretstest.Fault{Err: err})
				c := newClient(t, e)
				_, kept := c.TenantSecret(t.Context(), tenant)
				if kept == nil {
					t.Fatal("no error")
				}
				e.wantNoneOf(t, 1)
				runtime.KeepAlive(c)
				runtime.KeepAlive(kept)
			})
		}
	})
}

// wantNoneOf wants n requests to have been noted and none to be kept.
func (e *exposed) wantNoneOf(t *testing.T, n int) {
	t.Helper()
	if len(e.requests) != n {
		t.Fatalf("%d requests were made, want %d", len(e.requests), n)
	}
	if alive := e.alive(100); alive != 0 {
		t.Errorf("%d of %d signed requests are kept", alive, n)
	}
}
