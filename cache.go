package tenantsecrets

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/formbridge/tenantsecrets/internal/cache"
)

// This file is the client's side of internal/cache, which keeps the secrets.

type (
	secretCache = cache.Cache[secret, loaded]
	cacheEntry  = cache.Entry[secret, loaded]
	cacheItem   = cache.Item[secret, loaded]
	cached      = cache.Cached[secret, loaded]
)

// ID names a secret's loads.
func (s secret) ID() string { return s.name }

// newCache returns the cache that l loads for.
func newCache(o *Options, clock *cache.Clock, l *loader) *secretCache {
	config := cache.Config[secret, loaded]{
		TTL: o.TTL, MaxStale: o.MaxStale, StaleWait: o.StaleWait, NegativeTTL: o.NegativeTTL,
		LoadTimeout: o.LoadTimeout, MaxLoads: o.MaxLoads, Capacity: o.Capacity, UnknownRate: o.UnknownIDs,
		Clock: clock, Known: o.Known,
		Load:     l.fetch,
		Classify: classify,
		Same:     func(a, b *loaded) bool { return a.current == b.current },
	}
	if l.watch.observe != nil {
		config.Loaded = l.watch.loaded
	}
	return cache.New(config)
}

// classify says what a failure means for the cache.
func classify(err error) cache.Class {
	var f *failure
	switch {
	case !errors.As(err, &f) || !f.Definite:
		return cache.Transient
	case errors.Is(f, ErrNotFound):
		return cache.NotFound
	case errors.Is(f, ErrPendingDeletion):
		return cache.Deleting
	}
	return cache.Definitive
}

// explainCache makes one of the package's errors of an error of the cache.
func explainCache(err error) error {
	var (
		own     *cache.Error
		stale   *cache.Stale
		missing *cache.NotInBatch
		f       *failure
	)
	switch {
	case err == nil, errors.Is(err, ErrClosed):
		return err
	case errors.Is(err, cache.ErrClosed):
		return ErrClosed
	case errors.As(err, &stale):
		f = asFailure(explainCache(stale.Err))
		return &failure{Sentinel: ErrStale, Detail: f.Detail, Cause: f.Cause}
	case errors.As(err, &missing):
		f = asFailure(explainCache(missing.Err))
		return &failure{Sentinel: ErrUnavailable, Detail: "BatchGetSecretValue: " + f.Error(), Cause: f}
	case errors.As(err, &own):
		cause := own.Cause
		if errors.As(cause, &f) {
			cause = f.Cause
		}
		return &failure{Sentinel: ErrUnavailable, Detail: own.Reason, Cause: cause}
	}
	return err
}

// asFailure makes a transient failure of an error that is none.
func asFailure(err error) *failure {
	var f *failure
	if !errors.As(err, &f) {
		f = transient("%T", err)
	}
	return f
}

// cacheKey is where the cache has a secret: a tenant's own HMAC secret is the first of the
// tenant's.
func cacheKey(tenant, path string) cache.Key {
	if path == hmacPath {
		path = ""
	}
	return cache.Key{Owner: tenant, Name: path}
}

// find returns a secret's entry, if there is one of that type, and its item if it is
// fresh.
func (c *Client) find(tenant, path string, of reflect.Type) (*cacheEntry, *cacheItem, cache.Mark) {
	e, i, m := c.cache().Find(cacheKey(tenant, path))
	if e != nil && e.Subject.kind.of != of {
		return nil, nil, m
	}
	return e, i, m
}

// entry makes the entry of a secret that find did not find. Only valid names have one, so
// that finding it is all the validation that a hit needs.
func (c *Client) entry(tenant string, kind *secretKind, m cache.Mark) (*cacheEntry, error) {
	if tenant == Global && kind == tenantSecretKind {
		return nil, ValidateTenant(tenant)
	}
	name, err := c.naming.Build(tenant, kind.path)
	if err != nil {
		return nil, err
	}
	end := len(name) - len(kind.path) - len("/")
	tenant = name[end-len(tenant) : end] // a part of the name, so that it is not stored twice
	e := c.cache().Entry(cacheKey(tenant, kind.path), m, secret{name: name, tenant: tenant, kind: kind})
	if e.Subject.kind.of != kind.of {
		return nil, mixedKinds(e.Subject.kind, kind)
	}
	return e, nil
}

// tenantEntry returns the entry of a tenant's HMAC secret.
func (c *Client) tenantEntry(tenant string) (*cacheEntry, error) {
	e, _, m := c.cache().Find(cache.Key{Owner: tenant})
	if e != nil {
		return e, nil
	}
	return c.entry(tenant, tenantSecretKind, m)
}

// tenantItem returns a tenant's HMAC secret, and when it was asked for. byMessage tells
// that only a message which somebody has sent asks for it.
func (c *Client) tenantItem(ctx context.Context, tenant string, byMessage bool) (*cacheItem, cache.Mark, error) {
	k := c.cache()
	e, i, m := k.Find(cache.Key{Owner: tenant})
	if i != nil {
		return k.Hit(i, byMessage), m, nil
	}
	if e == nil {
		var err error
		if e, err = c.entry(tenant, tenantSecretKind, m); err != nil {
			return nil, m, err
		}
	}
	return k.Get(ctx, e, byMessage)
}

// age returns the age of an item for an event.
func (c *Client) age(i *cacheItem) time.Duration {
	return max(0, i.Age(c.cache().Clock().Elapsed()))
}
