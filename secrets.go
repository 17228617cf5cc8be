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
// # Three ways to read
//
// A client reads with DescribeSecret and GetSecretValue, with GetSecretValue alone
// where [Options].ValuesOnly says so, and, in [Client.Prefetch], 20 secrets at once
// with BatchGetSecretValue. What is checked and cached is the same; what the last
// two do not see is this:
//
//	                          default   ValuesOnly              Prefetch
//	calls of a cold load      2         1                       1/20
//	calls of a later one      1         1                       -
//	tags of another tenant    refused   not seen                at the next load
//	document without          its tag   refused                 refused
//	  tenant_id (AWS's own)   decides
//	deletion is scheduled     seen      by the error's text     by the error's text
//	an answer that lags       refused   not seen                not seen; of a secret that
//	  behind the last one                                       was described before, refused
//	foreign AWSPREVIOUS       read      where the document has  not read; at a signature
//	                                    no base, or at a        that no key made, or at
//	                                    signature that no key   the next load
//	                                    made
//	its keys live 24 h from   the last  the current version's   -
//	                          change    creation
//	value denied, KMS key     after     within TTL              -
//	  disabled                MaxStale
//	an answer under another   refused   refused                 no answer
//	  name
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

	"github.com/formbridge/tenantsecrets/internal/cache"
	"github.com/formbridge/tenantsecrets/internal/document"
)

// Client reads a service's tenant secrets, and creates them. Make one with [New]
// for the life of the process; it may be used by any number of goroutines.
type Client struct {
	api     API
	naming  Naming
	options Options // resolved
	watch   *watch
	loader  *loader
	cache   func() *secretCache // a closure: reflection does not reach the keys in it
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
	clock := cache.NewClock(o.Now)
	w := &watch{observe: o.Observe, now: clock.Time}
	reported := &reported{api, w}
	loader := newLoader(reported, &o, w)
	secrets := newCache(&o, clock, loader)
	return &Client{reported, naming, o, w, loader, func() *secretCache { return secrets }}, nil
}

// Naming returns the naming that the client was made with.
func (c *Client) Naming() Naming { return c.naming }

// Options returns the options that the client works with: defaults are filled in, a
// negative value is off, and where secrets must be is what the first load has shown, if
// there was one. A client made with them works alike.
func (c *Client) Options() Options {
	o := c.options.asGiven()
	place := c.loader.where()
	o.Partition, o.Account, o.Region = place.Partition, place.Account, place.Region
	return o
}

// Close ends the loads that are under way and forgets every secret. Every call
// from then on, and every one that waits, returns ErrClosed. It may be called
// more than once.
func (c *Client) Close() {
	if c == nil || c.cache == nil {
		return // New has failed
	}
	c.cache().Close()
}

// hmacPath is the secret type of a tenant's own HMAC secret.
const hmacPath = "hmac_key"

// TenantSecret is a tenant's HMAC secret at one time. It is immutable, shared,
// and prints without the secret. Ask for it per request: one that is kept does
// not follow a rotation.
type TenantSecret struct {
	open func() (*secret, *loaded) // a closure, for the keys are in it
}

// hmacText is what a TenantSecret says beside its keys.
type hmacText struct {
	secret, encoding string
	createdAt        int64 // in microseconds
}

// secret is an empty one for the zero TenantSecret.
func (s *TenantSecret) secret() *secret {
	if s.open == nil {
		return &secret{}
	}
	of, _ := s.open()
	return of
}

func (s *TenantSecret) loaded() *loaded {
	if s.open == nil {
		return &loaded{}
	}
	_, l := s.open()
	return l
}

// Keys returns the keys that verify what the tenant sends, and sign as it would.
func (s *TenantSecret) Keys() Keyring { return s.loaded().keyring }

// Name returns the secret's name in Secrets Manager.
func (s *TenantSecret) Name() string { return s.secret().name }

// VersionID returns the id of the version that was read.
func (s *TenantSecret) VersionID() string { return s.loaded().current }

// CreatedAt returns when the newest key was made, to the microsecond.
func (s *TenantSecret) CreatedAt() time.Time { return time.UnixMicro(s.loaded().createdAt).UTC() }

// Secret returns the newest key as it is stored, to hand to the tenant.
func (s *TenantSecret) Secret() Value { return NewValue(s.loaded().secret) }

// WebhookSecret returns the newest key in the form "whsec_" and base64, which
// Standard Webhooks libraries take.
func (s *TenantSecret) WebhookSecret() Value {
	key := document.Key{Secret: s.loaded().secret, Encoding: s.loaded().encoding}
	bytes, _ := key.Bytes() // a decoded key's bytes are valid
	return NewValue(document.Whsec(bytes))
}

// String names the secret and its version.
func (s *TenantSecret) String() string {
	return fmt.Sprintf("TenantSecret(%s, version %s, %s)", s.Name(), s.VersionID(), document.Redaction)
}

// Format prints as [TenantSecret.String] for every verb and flag.
func (s *TenantSecret) Format(f fmt.State, _ rune) { redact(f, s.String()) }

// LogValue is [TenantSecret.String].
func (s *TenantSecret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// tenantSecretKind is read at hmacPath. No [Kind] outside this package can have
// its type, so that none stands in for a tenant's own secret.
var tenantSecretKind = &secretKind{hmacPath, reflect.TypeFor[hmacText](), hmacDecoder(newTenantSecret), false}

func newTenantSecret(s *secret, l *loaded) any {
	return &TenantSecret{func() (*secret, *loaded) { return s, l }}
}

// TenantSecret returns a tenant's HMAC secret, as fresh as [Options] say. A cold
// one costs a DescribeSecret and a GetSecretValue, whatever the number of
// callers. ctx bounds this call's wait alone. The error is an *Error.
func (c *Client) TenantSecret(ctx context.Context, tenant string) (*TenantSecret, error) {
	o := c.begin(ctx, "TenantSecret", tenant, hmacPath)
	i, _, err := c.tenantItem(ctx, tenant, false)
	return tenantSecretOf(&o, i, err)
}

// tenantSecretOf ends a call that returns a tenant's secret.
func tenantSecretOf(c *call, i *cacheItem, err error) (*TenantSecret, error) {
	if err := c.end(i, err); err != nil {
		return nil, err
	}
	return i.Value.value.(*TenantSecret), nil
}

// Verify calls try with the tenant's keys. Where try's error is ErrMismatch, the
// signature may be of a key that this process has not seen yet: then, if a load
// may begin within a second, Verify waits for it and calls try once more with the
// keys that it found. try must not be nil and must not keep the keyring.
//
// The error is an *Error around try's, or around what kept the keys from being
// read. For a tenant that does not exist it is ErrSignature and ErrNotFound. It is
// ErrUnconfirmed, and no ErrSignature, where newer keys could not be loaded: the
// signature may be of a key of the last minutes, so answer 503.
//
// It is what signature schemes are built on; for the plain one use
// [Client.VerifyHMAC].
func (c *Client) Verify(ctx context.Context, tenant string, try func(Keyring) error) error {
	o := c.begin(ctx, "Verify", tenant, hmacPath)
	i, asked, err := c.tenantItem(ctx, tenant, true)
	if err != nil {
		return o.end(nil, unknownIsSignature(err))
	}
	i, err = c.retry(ctx, i, asked, try(i.Value.keyring), try)
	return o.end(i, err)
}

// VerifyHMAC reports whether a live key of the tenant made the signature of the message,
// and refreshes the keys before it refuses a signature, which the function [VerifyHMAC]
// and [Keyring.VerifyHMAC] never do. It takes the same forms of a signature. While the
// secret is fresh and the signature is valid, it makes no call. [Client.Verify] says what
// it returns if newer keys cannot be loaded.
//
// These errors are final for the sender: ErrSignature (the signature is not one of
// this message, or there is no such tenant), ErrInvalidTenant, ErrPendingDeletion
// and ErrSuspended. Any other error, such as ErrUnconfirmed, means that the question
// could not be answered: answer 503, so that the sender tries again. The error is an
// *Error.
func (c *Client) VerifyHMAC(ctx context.Context, tenant string, message []byte, signature string) error {
	o := c.begin(ctx, "VerifyHMAC", tenant, hmacPath)
	var tag [32]byte
	if !parseSignature(&tag, signature) {
		return o.end(nil, c.refuse(tenant))
	}
	i, asked, err := c.tenantItem(ctx, tenant, true)
	if err != nil {
		return o.end(nil, unknownIsSignature(err))
	}
	err = i.Value.keys.Verify(&tag, message)
	if err == nil && !asked.Waited() {
		i.Visit()
	} else {
		i, err = c.retry(ctx, i, asked, err, func(k Keyring) error { return k.ring().Verify(&tag, message) })
	}
	return o.end(i, err)
}

// refuse is the answer to a text that is no signature: the same for every tenant.
func (c *Client) refuse(tenant string) error {
	if err := ValidateTenant(tenant); err != nil {
		return err
	}
	if c.cache().Closed() {
		return ErrClosed
	}
	return ErrSignature
}

// retry tries once more after a mismatch, with newer keys if there are any. It returns the
// item that the last try was with.
func (c *Client) retry(ctx context.Context, i *cacheItem, asked cache.Mark, err error, try func(Keyring) error) (*cacheItem, error) {
	first := i.Entry()
	if errors.Is(err, ErrMismatch) {
		i, err = c.retryNewer(ctx, i, asked, err, try)
	}
	if asked.Waited() {
		c.cache().Verified(first, err == nil)
	}
	if err == nil {
		i.Visit()
	}
	return i, err
}

func (c *Client) retryNewer(ctx context.Context, i *cacheItem, asked cache.Mark, err error, try func(Keyring) error) (*cacheItem, error) {
	newer, failed := c.cache().Newer(ctx, i, asked)
	failed = explainCache(failed)
	switch {
	case isDefinite(failed), errors.Is(failed, ErrClosed):
		return nil, unknownIsSignature(failed)
	case failed != nil:
		return i, &failure{Sentinel: ErrUnconfirmed, Detail: reason(failed), Cause: failed}
	case newer == i:
		return i, err
	}
	return newer, try(newer.Value.keyring)
}

func isDefinite(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.Definite
}

// reason is what is known of a failure beside its sentinel.
func reason(err error) string {
	var f *failure
	if errors.As(err, &f) && f.Detail != "" {
		return f.Detail
	}
	return err.Error()
}

// unknownIsSignature makes an unknown tenant look like a bad signature.
func unknownIsSignature(err error) error {
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	return &failure{Sentinel: ErrSignature, Cause: err, Detail: err.Error(), Definite: true}
}

// String names the client's naming.
func (c *Client) String() string {
	return fmt.Sprintf("Client(%s/%s)", c.naming.Environment, c.naming.Service)
}

// Format prints as [Client.String] for every verb and flag.
func (c *Client) Format(f fmt.State, _ rune) { redact(f, c.String()) }

// LogValue is [Client.String].
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
