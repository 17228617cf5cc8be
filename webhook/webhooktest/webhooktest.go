// Package webhooktest is for tests of what stands behind a webhook.Verifier: keys
// without a Secrets Manager, signed requests, and a clock.
//
//	keys, clock := webhooktest.NewKeys("t_abc123"), webhooktest.NewClock()
//	v, err := webhook.New(keys, clock.Option)
//	handler := v.Middleware(webhook.PathTenant("tenant"))(yours)
//	request := webhooktest.NewRequest(t, keys.Of("t_abc123"), "/webhooks/t_abc123", `{"event":"paid"}`, clock.Sign)
//
// A test of the whole way, Secrets Manager included, uses secretstest and hands
// TenantSecret.Keys to [NewRequest].
package webhooktest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/webhook"
)

// Keys is a webhook.Keys in memory, with random keys. It answers as a
// tenantsecrets.Client does that has everything at hand. It may be used by any
// number of goroutines.
type Keys struct {
	mu      sync.Mutex
	tenants map[string][]tenantsecrets.Value // the newest first
	err     error
}

// NewKeys returns Keys that know these tenants, with one key each.
func NewKeys(tenants ...string) *Keys {
	k := &Keys{tenants: map[string][]tenantsecrets.Value{}}
	for _, tenant := range tenants {
		k.Rotate(tenant)
	}
	return k
}

// Rotate gives a tenant a new key, which signs from now on. The old ones verify;
// 8 are kept.
func (k *Keys) Rotate(tenant string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := slices.Insert(k.tenants[tenant], 0, tenantsecrets.NewValue(rand.Text()))
	k.tenants[tenant] = keys[:min(len(keys), 8)]
}

// Fail makes every verification fail with err, ErrUnavailable say, until Fail(nil).
func (k *Keys) Fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

// Of returns a tenant's keyring as of now, for [NewRequest]. That of a tenant that
// is not known has no keys.
func (k *Keys) Of(tenant string) tenantsecrets.Keyring {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys, err := tenantsecrets.NewKeyring(k.tenants[tenant]...)
	if err != nil || len(k.tenants[tenant]) == 0 {
		return tenantsecrets.Keyring{}
	}
	return keys
}

// Verify is tenantsecrets.Client.Verify, without a load.
func (k *Keys) Verify(ctx context.Context, tenant string, try func(tenantsecrets.Keyring) error) error {
	if err := k.verify(ctx, tenant, try); err != nil {
		return &tenantsecrets.Error{Op: "Verify", Tenant: tenant, Err: err}
	}
	return nil
}

func (k *Keys) verify(ctx context.Context, tenant string, try func(tenantsecrets.Keyring) error) error {
	anywhere := tenantsecrets.Naming{Environment: "test", Service: "webhooktest"}
	if _, err := anywhere.Build(tenant, "hmac_key"); err != nil {
		return err
	}
	k.mu.Lock()
	failure, known := k.err, k.tenants[tenant] != nil
	k.mu.Unlock()
	switch {
	case tenant == tenantsecrets.Global:
		return tenantsecrets.ErrInvalidTenant
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", tenantsecrets.ErrUnavailable, ctx.Err())
	case failure != nil:
		return failure
	case !known:
		return fmt.Errorf("%w: %w", tenantsecrets.ErrSignature, tenantsecrets.ErrNotFound)
	}
	return try(k.Of(tenant))
}

// Request is what [NewRequest] can be told. The functions get it with the defaults
// in place.
type Request struct {
	Scheme webhook.Scheme // StandardWebhooks() by default
	Method string         // POST by default
	ID     string         // of the message; random by default
	Time   time.Time      // of the signature; time.Now() by default
}

// NewRequest returns a request as a server gets it, signed with every live key as
// its sender would. It fails the test where the keyring has no key.
func NewRequest(t testing.TB, keys tenantsecrets.Keyring, target, body string, optFns ...func(*Request)) *http.Request {
	t.Helper()
	o := Request{Scheme: webhook.StandardWebhooks(), Method: http.MethodPost, ID: "msg_" + rand.Text(), Time: time.Now()}
	for _, fn := range optFns {
		fn(&o)
	}
	timestamp := strconv.FormatInt(o.Time.Unix(), 10)
	tags, err := keys.MACs(o.Scheme.AppendPrefix(nil, o.ID, timestamp), []byte(body))
	if err != nil {
		t.Fatalf("webhooktest: %v", err)
	}
	r := httptest.NewRequest(o.Method, target, strings.NewReader(body))
	o.Scheme.Write(r.Header, o.ID, timestamp, tags)
	return r
}

// Clock is a clock that stands still until it is told otherwise. It may be used by
// any number of goroutines.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that shows some time.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock, with a negative duration back.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Option makes it the clock of a Verifier.
func (c *Clock) Option(o *webhook.Options) { o.Now = c.Now }

// Sign makes it the clock of a request's signature.
func (c *Clock) Sign(r *Request) { r.Time = c.Now() }
