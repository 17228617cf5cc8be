package tenantsecrets_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

const plainName = "prod/formbridge/t_abc123/plain"

// plainKind is a kind with a decoder of the test's.
func plainKind(decode func([]byte) (string, error)) tenantsecrets.Kind[string] {
	return tenantsecrets.Kind[string]{Path: "plain", Decode: decode}
}

// holding is an error that holds what it was given, in its text and beside it.
type holding struct{ stored []byte }

func (q *holding) Error() string { return "cannot use " + string(q.stored) }

// What goes wrong in a decoder of somebody's own is said without its words.
func TestUserKindFails(t *testing.T) {
	for _, tt := range []struct {
		what   string
		decode func([]byte) (string, error)
		want   error
		says   string
	}{
		{"an error that quotes", func(stored []byte) (string, error) {
			return "", fmt.Errorf("decode: %s", stored)
		}, tenantsecrets.ErrMalformed, "Decode of its kind returned a *errors.errorString"},
		{"an error that holds what it got", func(stored []byte) (string, error) {
			return "", &holding{stored}
		}, tenantsecrets.ErrMalformed, "Decode of its kind returned a *tenantsecrets_test.holding"},
		{"a sentinel of ours that quotes", func(stored []byte) (string, error) {
			return "", fmt.Errorf("%w: %s", tenantsecrets.ErrNotFound, stored)
		}, tenantsecrets.ErrMalformed, "Decode"},
		{"a redacted value", func([]byte) (string, error) {
			var v tenantsecrets.Value
			return "", v.UnmarshalText([]byte("[redacted]"))
		}, tenantsecrets.ErrMalformed, "Decode"},
		{"a panic", func(stored []byte) (string, error) {
			panic(string(stored))
		}, tenantsecrets.ErrUnavailable, "panic of type string"},
		{"a panic of the runtime", func(stored []byte) (string, error) {
			return string(stored[len(stored)]), nil
		}, tenantsecrets.ErrUnavailable, "panic of type runtime"},
		{"the end of its goroutine", func([]byte) (string, error) {
			runtime.Goexit()
			return "", nil
		}, tenantsecrets.ErrUnavailable, "ended without an answer"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			b := secretstest.New()
			text := object(t, map[string]any{"note": rand.Text()})
			store(t, b, plainName, text)
			var logged bytes.Buffer
			_, err := tenantsecrets.Get(t.Context(), newClient(t, b, logInto(&logged)), tenant, plainKind(tt.decode))
			checkGetFailed(t, err, plainName, tt.want)
			if errors.Is(err, tenantsecrets.ErrNotFound) {
				t.Error("the decoder's error came through")
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q does not say %q", err, tt.says)
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				checkNotQuoted(t, text, fmt.Sprintf("%v %+v %#v", e, e, e))
			}
			checkNotQuoted(t, text, logged.String())
			var q *holding
			if errors.As(err, &q) {
				t.Error("the decoder's error can be reached")
			}
		})
	}
}

// A kind is asked for JSON objects alone: what is none never reaches a decoder.
func TestUserKindOfNoObject(t *testing.T) {
	for what, text := range map[string]string{
		"no JSON":       rand.Text(),
		"a string":      `"` + rand.Text() + `"`,
		"members twice": `{"tenant_id":"t_abc123","a":1,"a":2}`,
		"trailing data": `{"tenant_id":"t_abc123"} ` + rand.Text(),
		"two owners":    `{"tenant_id":"t_abc123","Tenant_Id":"t_abc124"}`,
	} {
		t.Run(what, func(t *testing.T) {
			b := secretstest.New()
			store(t, b, plainName, text)
			_, err := tenantsecrets.Get(t.Context(), quietClient(t, b), tenant, plainKind(func([]byte) (string, error) {
				t.Error("it was decoded")
				return "", nil
			}))
			checkGetFailed(t, err, plainName, tenantsecrets.ErrMalformed)
			checkNotQuoted(t, text, err.Error())
		})
	}
}

func TestKindWithoutDecode(t *testing.T) {
	b := secretstest.New()
	_, err := tenantsecrets.Get(t.Context(), newClient(t, b), tenant, plainKind(nil))
	checkGetFailed(t, err, plainName, tenantsecrets.ErrInvalidOption)
	checkOperations(t, b)
}

// A client reads one path as one type, whichever came first.
func TestOnePathAsTwoTypes(t *testing.T) {
	b := secretstest.New()
	store(t, b, plainName, object(t, nil))
	c := newClient(t, b)
	length := tenantsecrets.Kind[int]{Path: "plain", Decode: func(stored []byte) (int, error) { return len(stored), nil }}
	text := plainKind(func([]byte) (string, error) { return "text", nil })

	if _, err := tenantsecrets.Get(t.Context(), c, tenant, length); err != nil {
		t.Fatal(err)
	}
	b.ClearCalls()
	_, err := tenantsecrets.Get(t.Context(), c, tenant, text)
	checkGetFailed(t, err, plainName, tenantsecrets.ErrInvalidOption)
	for _, word := range []string{"plain", "int", "string"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not mention %s", err, word)
		}
	}
	checkOperations(t, b)
	if _, err := tenantsecrets.Get(t.Context(), c, tenant, length); err != nil {
		t.Error(err)
	}
	if got, err := tenantsecrets.Get(t.Context(), newClient(t, b), tenant, text); err != nil || got != "text" {
		t.Errorf("another client got %q and %v", got, err)
	}
}

// The tenant's own secret is read with TenantSecret alone, before and after that:
// a kind of its path would stand in for it, and lock its tenant out.
func TestTenantSecretAsAKind(t *testing.T) {
	b := secretstest.New()
	store(t, b, hmacName, document(t, nil))
	store(t, b, "prod/formbridge/global/hmac_key", document(t, map[string]any{"tenant_id": tenantsecrets.Global}))
	c := newClient(t, b)
	for _, id := range []string{tenant, tenantsecrets.Global, tenant} {
		name := "prod/formbridge/" + id + "/hmac_key"
		_, err := tenantsecrets.Get(t.Context(), c, id, tenantsecrets.Kind[*tenantsecrets.TenantSecret]{
			Path:   "hmac_key",
			Decode: func([]byte) (*tenantsecrets.TenantSecret, error) { return nil, nil },
		})
		checkGetFailed(t, err, name, tenantsecrets.ErrInvalidOption)
		_, err = tenantsecrets.Get(t.Context(), c, id, tenantsecrets.Kind[string]{
			Path:   "hmac_key",
			Decode: func(stored []byte) (string, error) { return string(stored), nil },
		})
		checkGetFailed(t, err, name, tenantsecrets.ErrInvalidOption)
		tenantSecret(t, c)
	}
}

// The global space has secrets of the service's own, and none of a destination.
func TestGlobal(t *testing.T) {
	const name = "prod/formbridge/global/plain"
	text := plainKind(func(stored []byte) (string, error) { return string(stored), nil })
	for _, tt := range []struct {
		what, owner, tag string
		want             error
	}{
		{"by its document", tenantsecrets.Global, tenantsecrets.Global, nil},
		{"by its tag", "", tenantsecrets.Global, nil},
		{"a tenant's document", tenant, tenantsecrets.Global, tenantsecrets.ErrWrongTenant},
		{"a tenant's tag", tenantsecrets.Global, tenant, tenantsecrets.ErrWrongTenant},
	} {
		t.Run(tt.what, func(t *testing.T) {
			var owner any
			if tt.owner != "" {
				owner = tt.owner
			}
			stored := object(t, map[string]any{"tenant_id": owner})
			b := secretstest.New()
			storeTagged(t, b, name, stored, tt.tag)
			got, err := tenantsecrets.Get(t.Context(), quietClient(t, b), tenantsecrets.Global, text)
			if tt.want != nil {
				checkGetFailed(t, err, name, tt.want)
			} else if err != nil || got != stored {
				t.Errorf("got %v, want what is stored", err)
			}
		})
	}
	t.Run("a destination", func(t *testing.T) {
		b := secretstest.New()
		c := newClient(t, b)
		_, err := tenantsecrets.Get(t.Context(), c, tenantsecrets.Global, tenantsecrets.DestinationAPIKey("webhook1"))
		checkGetFailed(t, err, "prod/formbridge/global/destinations/webhook1/api_key", tenantsecrets.ErrInvalidTenant)
		_, err = tenantsecrets.Get(t.Context(), c, tenantsecrets.Global, tenantsecrets.DestinationHMACKey("webhook1"))
		checkGetFailed(t, err, "prod/formbridge/global/destinations/webhook1/hmac_key", tenantsecrets.ErrInvalidTenant)
		checkOperations(t, b)
	})
}

// Whatever else is asked for meanwhile, every tenant gets its own.
func TestKindsOfTenantsNeverMeet(t *testing.T) {
	b := secretstest.New()
	text := plainKind(func(stored []byte) (string, error) { return string(stored), nil })
	want := map[string]string{}
	for i := range 20 {
		id := fmt.Sprintf("t_%d", i)
		want[id] = object(t, map[string]any{"tenant_id": id, "note": rand.Text()})
		store(t, b, "prod/formbridge/"+id+"/plain", want[id])
	}
	c := newClient(t, b)
	done := make(chan error)
	for id := range want {
		for range 5 {
			go func() {
				got, err := tenantsecrets.Get(t.Context(), c, id, text)
				if err == nil && got != want[id] {
					err = errors.New("got another tenant's")
				}
				done <- err
			}()
		}
	}
	for range 5 * len(want) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A kind follows a new version, and its failures are told apart like all others.
func TestKindsAreRefreshed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &tampered{Backend: secretstest.New()}
		text := plainKind(func(stored []byte) (string, error) { return string(stored), nil })
		first, second := object(t, map[string]any{"note": rand.Text()}), object(t, map[string]any{"note": rand.Text()})
		store(t, b.Backend, plainName, first)
		c := newClient(t, b)
		expect := func(want string) {
			t.Helper()
			if got, err := tenantsecrets.Get(t.Context(), c, tenant, text); err != nil || got != want {
				t.Errorf("got %v, or the wrong version", err)
			}
		}
		expect(first)
		put(t, b.Backend, plainName, second)
		expect(first)
		time.Sleep(defaultTTL)
		expect(second)

		remove := b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
		time.Sleep(defaultTTL)
		expect(second)
		remove()
		b.Inject(secretstest.Fault{Err: secretstest.AccessDenied()})
		time.Sleep(defaultTTL)
		_, err := tenantsecrets.Get(t.Context(), c, tenant, text)
		checkGetFailed(t, err, plainName, tenantsecrets.ErrAccessDenied)
	})
}

// A decoder that fails in any way but an error may do better the next time.
func TestUserKindIsDecodedAgainAfterItEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		store(t, b, plainName, object(t, nil))
		c := newClient(t, b)
		ended := false
		kind := plainKind(func([]byte) (string, error) {
			if !ended {
				ended = true
				runtime.Goexit()
			}
			return "text", nil
		})
		_, err := tenantsecrets.Get(t.Context(), c, tenant, kind)
		checkGetFailed(t, err, plainName, tenantsecrets.ErrUnavailable)
		time.Sleep(time.Second)
		if got, err := tenantsecrets.Get(t.Context(), c, tenant, kind); err != nil || got != "text" {
			t.Errorf("got %q and %v", got, err)
		}
	})
}

// A name that Secrets Manager may take for an ARN is refused before any call, with the
// reason.
func TestKindWhoseNameEndsLikeAnARN(t *testing.T) {
	b := secretstest.New()
	kind := tenantsecrets.Kind[string]{Path: "app-secret", Decode: func([]byte) (string, error) { return "", nil }}
	_, err := tenantsecrets.Get(t.Context(), newClient(t, b), tenant, kind)
	checkIs(t, err, tenantsecrets.ErrInvalidName)
	for _, says := range []string{"app-secret", "a hyphen and six characters", "app_secret"} {
		if err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q does not say %q", err, says)
		}
	}
	checkOperations(t, b)
}
