// Package tenantsecrets keeps the secrets of a service's tenants in AWS Secrets
// Manager, gives them back typed and from memory, and verifies and signs webhooks
// with them.
//
// Every secret has the name {environment}/{service}/{tenant_id}/{secret_type},
// see [Naming]. A tenant's own secret is an HMAC key, created once:
//
//	c, err := tenantsecrets.New(secretsmanager.NewFromConfig(cfg),
//		tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
//	s, err := c.CreateTenant(ctx, "t_abc123") // prod/formbridge/t_abc123/hmac_key
//
// and used wherever a request of that tenant comes in:
//
//	err = c.VerifyHMAC(ctx, "t_abc123", body, request.Header.Get("X-Signature"))
//
// [Get] returns the other kinds of secrets a tenant has.
//
// # What a call costs
//
// A secret is read once, with one DescribeSecret and one GetSecretValue however
// many goroutines ask for it, and then served from memory. Before it is
// [Options].TTL old it is read again in the background; while Secrets Manager does
// not answer, what is held is served until MaxStale. A load that brings a definite
// no (deleted, access denied, another tenant's document) ends that: a deletion is
// heeded within TTL and a load, and a creation or restoration elsewhere after
// NegativeTTL.
//
// # What is trusted
//
// Nothing that comes back: name, ARN, account, Region, tags and the document's
// own tenant_id are compared on every load, and any difference is ErrWrongTenant.
// Secret text is a [Value], which prints as "[redacted]"; no error, log line or
// panic of this package holds a secret, a key or a signature.
//
// # Testing
//
// Package secretstest is a Secrets Manager in memory; its Backend is an [API].
package tenantsecrets

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/formbridge/tenantsecrets/internal/document"
)

// Client reads a service's tenant secrets, and creates them. Make one with [New]
// for the life of the process; it may be used by any number of goroutines.
type Client struct {
	api    API
	naming Naming
	loader *loader
	cache  *cache
}

// New returns a client of the secrets that naming names. It calls nothing. The
// error is ErrInvalidName or ErrInvalidOption.
func New(api API, naming Naming, optFns ...func(*Options)) (*Client, error) {
	if api == nil {
		return nil, fmt.Errorf("tenantsecrets: New: %w: no API", ErrInvalidOption)
	}
	if err := naming.validate(); err != nil {
		return nil, fmt.Errorf("tenantsecrets: New: %w", err)
	}
	o, err := resolve(optFns)
	if err != nil {
		return nil, fmt.Errorf("tenantsecrets: New: %w", err)
	}
	c := &Client{api: api, naming: naming}
	c.cache = newCache(&o)
	c.loader = &loader{
		api: api, log: o.Logger, now: c.cache.clock.time,
		place: arn.ARN{Partition: o.Partition, AccountID: o.Account, Region: o.Region},
	}
	c.cache.fetch = c.loader.fetch
	return c, nil
}

func newCache(o *Options) *cache {
	c := &cache{
		clock:     newClock(o.Now),
		freshness: freshness{o.TTL, o.MaxStale, o.StaleWait, o.NegativeTTL},
		timeout:   o.LoadTimeout,
		table:     newTable(),
		forgeries: newBucket(mismatchRate, mismatchBurst),
	}
	if o.UnknownIDs > 0 {
		c.strangers = newBucket(o.UnknownIDs, 10*o.UnknownIDs)
	}
	if o.MaxLoads > 0 {
		c.slots = make(slots, o.MaxLoads)
	}
	c.ctx, c.close = context.WithCancel(context.Background())
	return c
}

// Close ends the loads that are under way and forgets every secret. Every call
// from then on, and every one that waits, returns ErrClosed. It may be called
// more than once.
func (c *Client) Close() {
	if c == nil || c.cache == nil {
		return // New has failed
	}
	c.cache.close()
	c.cache.table.clear()
}

// hmacPath is the secret type of a tenant's own HMAC secret.
const hmacPath = "hmac_key"

// TenantSecret is a tenant's HMAC secret at one time. It is immutable, shared,
// and prints without the secret. Ask for it per request: one that is kept does
// not follow a rotation.
type TenantSecret struct {
	name, versionID string
	secret, whsec   Value
	createdAt       time.Time
	keys            Keyring
}

// Keys returns the keys that verify what the tenant sends, and sign as it would.
func (s *TenantSecret) Keys() Keyring { return s.keys }

// Name returns the secret's name in Secrets Manager.
func (s *TenantSecret) Name() string { return s.name }

// VersionID returns the id of the version that was read.
func (s *TenantSecret) VersionID() string { return s.versionID }

// CreatedAt returns when the newest key was made.
func (s *TenantSecret) CreatedAt() time.Time { return s.createdAt }

// Secret returns the newest key as it is stored, to hand to the tenant.
func (s *TenantSecret) Secret() Value { return s.secret }

// WebhookSecret returns the newest key in the form "whsec_" and base64, which
// Standard Webhooks libraries take.
func (s *TenantSecret) WebhookSecret() Value { return s.whsec }

// String names the secret and its version.
func (s *TenantSecret) String() string {
	return fmt.Sprintf("TenantSecret(%s, version %s, %s)", s.name, s.versionID, document.Redaction)
}

// Format prints as [TenantSecret.String] for every verb and flag.
func (s *TenantSecret) Format(f fmt.State, _ rune) { redact(f, s.String()) }

// LogValue is [TenantSecret.String].
func (s *TenantSecret) LogValue() slog.Value { return slog.StringValue(s.String()) }

func newTenantSecret(name string, h hmacSecret, now func() time.Time) *TenantSecret {
	top := h.current.Document.Key
	bytes, _ := top.Bytes() // a decoded key's bytes are valid
	return &TenantSecret{
		name:      name,
		versionID: h.current.ID,
		secret:    NewValue(top.Secret),
		whsec:     NewValue(document.Whsec(bytes)),
		createdAt: top.CreatedAt,
		keys:      newKeyring(h.keys, now),
	}
}

// tenantSecretKind is a type that no [Kind] outside this package can have, so that
// none of them stands in for a tenant's own secret.
type tenantSecretKind struct{}

var (
	tenantSecretType   = reflect.TypeFor[tenantSecretKind]()
	decodeTenantSecret = hmacDecoder(func(d *decoding, h hmacSecret) any { return newTenantSecret(d.secret.name, h, d.now) })
)

// TenantSecret returns a tenant's HMAC secret, as fresh as [Options] say. A cold
// one costs a DescribeSecret and a GetSecretValue, whatever the number of
// callers. ctx bounds this call's wait alone. The error is an *Error.
func (c *Client) TenantSecret(ctx context.Context, tenant string) (*TenantSecret, error) {
	_, s, _, err := c.tenantSnapshot(ctx, tenant)
	if err != nil {
		return nil, c.fail("TenantSecret", tenant, hmacPath, err)
	}
	return s.value.(*TenantSecret), nil
}

func (c *Client) tenantSnapshot(ctx context.Context, tenant string) (*entry, *snapshot, int64, error) {
	e, err := c.tenantEntry(tenant)
	if err != nil {
		return nil, nil, 0, err
	}
	s, asked, err := c.cache.get(ctx, e)
	return e, s, asked, err
}

// Verify calls try with the tenant's keys. Where try's error is ErrMismatch, the
// signature may be of a key that this process has not seen yet: then, if a load
// may begin within a second, Verify waits for it and calls try once more with the
// keys that it found. try must not be nil and must not keep the keyring.
//
// The error is an *Error around try's, or around what kept the keys from being
// read; for a tenant that does not exist it is ErrSignature and ErrNotFound. It is
// ErrMismatch and ErrUnavailable, or the context's error, where newer keys were to
// be looked for and no answer came: who would rather be asked again than refuse a
// webhook signed with a key of the last minutes answers 503 then.
//
// It is what signature schemes are built on; for the plain one use
// [Client.VerifyHMAC].
func (c *Client) Verify(ctx context.Context, tenant string, try func(Keyring) error) error {
	return c.verify(ctx, "Verify", tenant, try)
}

// VerifyHMAC tells whether a live key of the tenant made the signature of the
// message, in one of the forms that the function [VerifyHMAC] takes. It costs no
// call while the secret is fresh. Before it refuses a signature it looks for newer
// keys, which the function never does; what it returns where it cannot, see
// [Client.Verify].
//
// What is final for the sender: ErrSignature, where the signature is not one of
// the message's or there is no such tenant, ErrInvalidTenant, ErrPendingDeletion
// and ErrSuspended. Any other error means that the question could not be answered,
// and that the sender should try again. The error is an *Error.
func (c *Client) VerifyHMAC(ctx context.Context, tenant string, message []byte, signature string) error {
	var tag [32]byte
	if !parseSignature(&tag, signature) {
		err := validateTenant(tenant)
		switch {
		case err != nil:
		case c.cache.ctx.Err() != nil:
			err = ErrClosed
		default:
			err = ErrSignature
		}
		return c.fail("VerifyHMAC", tenant, hmacPath, err)
	}
	return c.verify(ctx, "VerifyHMAC", tenant, func(k Keyring) error { return k.verify(&tag, message) })
}

func (c *Client) verify(ctx context.Context, op, tenant string, try func(Keyring) error) error {
	e, s, asked, err := c.tenantSnapshot(ctx, tenant)
	if err != nil {
		return c.fail(op, tenant, hmacPath, unknownIsSignature(err))
	}
	err = try(s.value.(*TenantSecret).keys)
	if err == nil {
		return nil
	}
	if errors.Is(err, ErrMismatch) {
		err = c.verifyAgain(ctx, e, s, asked, err, try)
		if err == nil {
			return nil
		}
	}
	return c.fail(op, tenant, hmacPath, err)
}

// verifyAgain tries with newer keys, where there are any to be had.
func (c *Client) verifyAgain(ctx context.Context, e *entry, s *snapshot, asked int64, mismatch error, try func(Keyring) error) error {
	newer, err := c.cache.newer(ctx, e, s, asked)
	switch {
	case isDefinite(err), errors.Is(err, ErrClosed):
		return unknownIsSignature(err)
	case err != nil:
		return &failure{sentinel: mismatch, detail: "and no newer key could be looked for", cause: err}
	case newer.value == s.value:
		return mismatch
	}
	return try(newer.value.(*TenantSecret).keys)
}

// unknownIsSignature makes an unknown tenant look like a bad signature.
func unknownIsSignature(err error) error {
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	return &failure{sentinel: ErrSignature, cause: err, detail: err.Error(), definite: true}
}

func (c *Client) tenantEntry(tenant string) (*entry, error) {
	if e, ok := c.cache.table.find(key{tenant, hmacPath}); ok && e.kind == tenantSecretType {
		return e, nil
	}
	if tenant == Global {
		return nil, validateTenant(tenant)
	}
	return c.newEntry(tenant, hmacPath, tenantSecretType, decodeTenantSecret)
}

// newEntry makes the cache's place for a secret. Only valid names have one, so
// that finding it is all the validation a hit needs.
func (c *Client) newEntry(tenant, path string, kind reflect.Type, decode decoder) (*entry, error) {
	name, err := c.naming.Build(tenant, path)
	if err != nil {
		return nil, err
	}
	e := c.cache.table.add(newEntry(secret{
		tenant: tenant, path: path, name: name, decode: decode, kind: kind,
	}))
	if e.kind != kind {
		return nil, fmt.Errorf("%w: this client reads %s as %v already, not as %v", ErrInvalidOption, path, e.kind, kind)
	}
	return e, nil
}

// fail says of an error what was asked for.
func (c *Client) fail(op, tenant, path string, err error) error {
	name, _ := c.naming.Build(tenant, path)
	return &Error{Op: op, Tenant: tenant, Name: name, Err: err}
}

// String names the client's naming.
func (c *Client) String() string {
	return fmt.Sprintf("Client(%s/%s)", c.naming.Environment, c.naming.Service)
}

// Format prints as [Client.String] for every verb and flag.
func (c *Client) Format(f fmt.State, _ rune) { redact(f, c.String()) }

// LogValue is [Client.String].
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
