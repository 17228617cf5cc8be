package webhook_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

func TestTolerance(t *testing.T) {
	for offset, good := range map[time.Duration]bool{
		0:                          true,
		tolerance:                  true,
		-tolerance:                 true,
		tolerance + time.Second:    false,
		-tolerance - time.Second:   false,
		time.Hour:                  false,
		-time.Hour:                 false,
		100 * 365 * 24 * time.Hour: false,
	} {
		eachScheme(t, func(t *testing.T, s scheme) {
			b := newBench(t, s.option)
			_, err := b.verify(t, b.request(t, s.sign, at(b.clock.Now().Add(offset))))
			switch {
			case good || !s.time:
				if err != nil {
					t.Errorf("%v: %v", offset, err)
				}
			default:
				checkIs(t, err, webhook.ErrTolerance)
				checkMalformed(t, err)
			}
		})
	}
}

// A timestamp is in whole seconds, but it is compared with the exact time.
func TestToleranceIsExact(t *testing.T) {
	b := newBench(t)
	r := b.request(t)
	b.clock.Advance(tolerance)
	if _, err := b.verify(t, r); err != nil {
		t.Error(err)
	}
	b.clock.Advance(1)
	_, err := b.verify(t, r)
	checkIs(t, err, webhook.ErrTolerance)
}

// Timestamps of up to twelve digits, and clocks at both ends of time.Time.
func TestToleranceDoesNotOverflow(t *testing.T) {
	keys := webhooktest.NewKeys(tenant)
	for _, now := range []time.Time{{}, time.Unix(0, 0), time.Now(), time.Unix(math.MaxInt64/2, 0), time.Unix(math.MinInt64/2, 0)} {
		for _, scale := range []time.Duration{1, 24 * time.Hour} {
			v := newVerifier(t, keys, func(o *webhook.Options) {
				o.Now = func() time.Time { return now }
				o.Tolerance = scale
			})
			for _, seconds := range []int64{0, 1, 999_999_999_999, 99_999_999_999} {
				r := webhooktest.NewRequest(t, keys.Of(tenant), "/", body, at(time.Unix(seconds, 0)))
				_, err := v.Verify(t.Context(), tenant, r.Header, []byte(body))
				if math.Abs(float64(now.Unix())-float64(seconds)) > scale.Seconds() {
					checkIs(t, err, webhook.ErrTolerance)
				} else if err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// askedKeys is a KeySource that records the tenants it was asked for.
type askedKeys struct {
	tenants []string
	answer  error
	ring
}

func (k *askedKeys) Verify(ctx context.Context, tenant string, try func(tenantsecrets.Keyring) error) error {
	k.tenants = append(k.tenants, tenant)
	if k.answer != nil {
		return k.answer
	}
	return k.ring.Verify(ctx, tenant, try)
}

// Each check is made only if all checks before it passed: the error is that of the first
// failed check, and keys are looked up only if they are needed.
func TestOrderOfWork(t *testing.T) {
	clock := webhooktest.NewClock()
	steps := []struct {
		what string
		bad  func(tenant *string, r *http.Request, body *[]byte, k *askedKeys)
		want error
		asks int
	}{
		{"tenant", func(tenant *string, _ *http.Request, _ *[]byte, _ *askedKeys) { *tenant = "../" + *tenant }, tenantsecrets.ErrInvalidTenant, 0},
		{"headers", func(_ *string, r *http.Request, _ *[]byte, _ *askedKeys) { r.Header.Del("Webhook-Id") }, tenantsecrets.ErrSignature, 0},
		{"time", func(_ *string, r *http.Request, _ *[]byte, _ *askedKeys) { r.Header.Set("Webhook-Timestamp", "1") }, webhook.ErrTolerance, 0},
		{"length", func(_ *string, _ *http.Request, body *[]byte, _ *askedKeys) { *body = filled(1<<20 + 1) }, webhook.ErrTooLarge, 0},
		{"keys", func(_ *string, _ *http.Request, _ *[]byte, k *askedKeys) { k.answer = tenantsecrets.ErrUnavailable }, tenantsecrets.ErrUnavailable, 1},
		{"tags", func(_ *string, _ *http.Request, body *[]byte, _ *askedKeys) { *body = append(*body, ' ') }, tenantsecrets.ErrMismatch, 1},
		{"replay", nil, webhook.ErrReplay, 1},
	}
	for first := range steps {
		t.Run(steps[first].what, func(t *testing.T) {
			fake := webhooktest.NewKeys(tenant)
			keys := &askedKeys{ring: ring{fake.Of(tenant)}}
			v := newVerifier(t, keys, clock.Option, func(o *webhook.Options) { o.Replay = webhook.NewMemoryReplayGuard(0) })
			r := webhooktest.NewRequest(t, fake.Of(tenant), "/", body, clock.Sign)
			if _, err := v.Verify(t.Context(), tenant, r.Header, []byte(body)); err != nil {
				t.Fatal(err)
			}
			keys.tenants = nil
			id, message := tenant, []byte(body)
			for _, step := range steps[first:] {
				if step.bad != nil && (step.what != "time" || steps[first].what != "headers") {
					step.bad(&id, r, &message, keys)
				}
			}
			_, err := v.Verify(t.Context(), id, r.Header, message)
			checkIs(t, err, steps[first].want)
			if len(keys.tenants) != steps[first].asks {
				t.Errorf("keys were looked up %d times, want %d", len(keys.tenants), steps[first].asks)
			}
			var failed *tenantsecrets.Error
			if steps[first].what != "keys" && !errors.As(err, &failed) && keys.answer == nil && len(keys.tenants) == 0 {
				t.Errorf("error is %T, want a *tenantsecrets.Error", err)
			}
		})
	}
}

func TestInvalidTenants(t *testing.T) {
	b := newBench(t)
	r := b.request(t)
	for _, id := range []string{"", ".", "..", "t/abc", "t abc", "t_abc\n", "-t", "é", strings.Repeat("t", 64), tenantsecrets.Global} {
		for what, header := range map[string]http.Header{"good": r.Header, "none": {}} {
			_, err := b.Verify(t.Context(), id, header, []byte(body))
			checkIs(t, err, tenantsecrets.ErrInvalidTenant)
			if status := webhook.Status(err); status != http.StatusUnauthorized {
				t.Errorf("%q, headers %s: status %d", id, what, status)
			}
		}
	}
}

func TestVerifyBodyLimit(t *testing.T) {
	b := newBench(t, func(o *webhook.Options) { o.MaxBody = int64(len(body)) })
	r := b.request(t)
	if _, err := b.verify(t, r); err != nil {
		t.Error(err)
	}
	_, err := b.Verify(t.Context(), tenant, r.Header, []byte(body+" "))
	checkIs(t, err, webhook.ErrTooLarge)
	checkNot(t, err, tenantsecrets.ErrSignature)
}

// A signature that no cached key made causes a load, and the same body is verified again
// with the new keys.
func TestVerifyAfterARotation(t *testing.T) {
	eachScheme(t, func(t *testing.T, s scheme) {
		synctest.Test(t, func(t *testing.T) {
			b, c := newBackend(t)
			v := newVerifier(t, c, s.option)
			old := webhooktest.NewRequest(t, keysOf(t, b), "/", body, s.sign)
			before, err := v.Verify(t.Context(), tenant, old.Header, []byte(body))
			if err != nil || !before.Newest {
				t.Fatalf("newest %v, %v", before.Newest, err)
			}
			time.Sleep(time.Minute)
			text := hmacDocument(t, 1, nil)
			put(t, b, text) // by another program: the previous key still verifies
			b.ClearCalls()

			r := webhooktest.NewRequest(t, topKey(t, text), "/", body, s.sign)
			after, err := v.Verify(t.Context(), tenant, r.Header, []byte(body))
			if err != nil || !after.Newest || after.KeyID == before.KeyID {
				t.Errorf("key %q, newest %v, %v", after.KeyID, after.Newest, err)
			}
			if len(b.Calls()) == 0 {
				t.Error("nothing was loaded")
			}
			b.ClearCalls()
			again, err := v.Verify(t.Context(), tenant, old.Header, []byte(body))
			if err != nil || again.Newest || again.KeyID != before.KeyID {
				t.Errorf("the previous key: key %q, newest %v, %v", again.KeyID, again.Newest, err)
			}
			if len(b.Calls()) != 0 {
				t.Errorf("calls are %v", b.Calls())
			}
		})
	})
}

// Only a well-formed signature within the tolerance causes a load.
func TestMalformedCausesNoLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := newBackend(t)
		v := newVerifier(t, c)
		keys := keysOf(t, b)
		if _, err := c.TenantSecret(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		b.ClearCalls()
		late := webhooktest.NewRequest(t, keys, "/", body, at(time.Now().Add(-time.Hour)))
		_, err := v.Verify(t.Context(), tenant, late.Header, []byte(body))
		checkIs(t, err, webhook.ErrTolerance)
		_, err = v.Verify(t.Context(), "t_unknown", http.Header{}, []byte(body))
		checkMalformed(t, err)
		if len(b.Calls()) != 0 {
			t.Errorf("calls are %v", b.Calls())
		}
		forged := webhooktest.NewRequest(t, webhooktest.NewKeys(tenant).Of(tenant), "/", body)
		_, err = v.Verify(t.Context(), tenant, forged.Header, []byte(body))
		checkIs(t, err, tenantsecrets.ErrMismatch)
		if len(b.Calls()) == 0 {
			t.Error("a forgery caused no load")
		}
	})
}

// In an outage a signature that no cached key made is answered with 503, not refused.
func TestStatusInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := newBackend(t)
		v := newVerifier(t, c)
		if _, err := c.TenantSecret(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
		text := hmacDocument(t, 1, nil)
		put(t, b, text)
		r := webhooktest.NewRequest(t, topKey(t, text), "/", body)
		time.Sleep(2 * time.Second)
		defer b.Inject(secretstest.Fault{Err: secretstest.InternalError()})()
		_, err := v.Verify(t.Context(), tenant, r.Header, []byte(body))
		checkIs(t, err, tenantsecrets.ErrUnconfirmed, tenantsecrets.ErrUnavailable)
		if status := webhook.Status(err); status != http.StatusServiceUnavailable {
			t.Errorf("status is %d", status)
		}
	})
}

func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, 200},
		{tenantsecrets.ErrSignature, 401},
		{tenantsecrets.ErrMismatch, 401},
		{tenantsecrets.ErrNotFound, 401},
		{tenantsecrets.ErrPendingDeletion, 401},
		{tenantsecrets.ErrInvalidTenant, 401},
		{tenantsecrets.ErrSuspended, 401},
		{webhook.ErrTolerance, 401},
		{webhook.ErrReplay, 401},
		{webhook.ErrTooLarge, 413},
		{errors.Join(tenantsecrets.ErrMismatch, tenantsecrets.ErrUnavailable), 503},
		{errors.Join(tenantsecrets.ErrMismatch, context.Canceled), 503},
		{errors.Join(tenantsecrets.ErrMismatch, context.DeadlineExceeded), 503},
		{errors.Join(tenantsecrets.ErrNotFound, tenantsecrets.ErrUnavailable), 503},
		{tenantsecrets.ErrUnavailable, 503},
		{tenantsecrets.ErrUnconfirmed, 503},
		{tenantsecrets.ErrStale, 503},
		{tenantsecrets.ErrAccessDenied, 503},
		{tenantsecrets.ErrMalformed, 503},
		{tenantsecrets.ErrWrongTenant, 503},
		{tenantsecrets.ErrNoKey, 503},
		{tenantsecrets.ErrClosed, 503},
		{errors.New("another"), 503},
	} {
		if got := webhook.Status(tt.err); got != tt.want {
			t.Errorf("%v: status %d, want %d", tt.err, got, tt.want)
		}
		if got := webhook.Status(&tenantsecrets.Error{Op: "Verify", Err: tt.err}); tt.err != nil && got != tt.want {
			t.Errorf("%v in an *Error: status %d, want %d", tt.err, got, tt.want)
		}
	}
}

// Concurrent verifications of one Verifier do not mix their tenants, IDs or bodies.
func TestVerifyConcurrently(t *testing.T) {
	tenants := []string{"t_1", "t_2", "t_3"}
	keys, clock := webhooktest.NewKeys(tenants...), webhooktest.NewClock()
	v := newVerifier(t, keys, clock.Option)
	t.Run("all", func(t *testing.T) {
		for i := range 16 {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				id, message := tenants[i%3], filled(i*100)
				r := webhooktest.NewRequest(t, keys.Of(id), "/", string(message), clock.Sign, func(r *webhooktest.Request) { r.ID = "msg_" + strconv.Itoa(i) })
				for range 200 {
					m, err := v.Verify(t.Context(), id, r.Header, message)
					if err != nil || m.ID != "msg_"+strconv.Itoa(i) || m.Tenant != id {
						t.Fatalf("match %+v, %v", m, err)
					}
					_, err = v.Verify(t.Context(), tenants[(i+1)%3], r.Header, message)
					checkIs(t, err, tenantsecrets.ErrMismatch)
				}
			})
		}
	})
}

// Printing the package's values prints no key.
func TestNothingPrintsKeys(t *testing.T) {
	key := rand.Text() + rand.Text()
	b := secretstest.New()
	store(t, b, "hmac_key", hmacDocument(t, 1, map[string]any{"shared_secret": key}))
	store(t, b, "destinations/"+destination+"/hmac_key", hmacDocument(t, 1, map[string]any{"shared_secret": key}))
	c := newClient(t, b)
	v := newVerifier(t, c, guarded)
	r := webhooktest.NewRequest(t, keysOf(t, b), "/", body)
	m, err := v.Verify(t.Context(), tenant, r.Header, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := webhook.NewSigner(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := signer.Sign(t.Context(), tenant, destination, http.Header{}, "msg_1", nil); err != nil {
		t.Fatal(err)
	}
	inner := struct{ v, s, m, k any }{v, signer, m, webhooktest.NewKeys(tenant)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, value := range []any{v, *signer, signer.Transport(nil, tenant, destination), m, inner, webhooktest.NewKeys(tenant)} {
			text := fmt.Sprintf(verb, value)
			if strings.Contains(text, key) || strings.Contains(text, hex.EncodeToString([]byte(key))) {
				t.Errorf("%s prints a key of %T", verb, value)
			}
		}
	}
}
