package main

import (
	"context"

	"github.com/aws/aws-secretsmanager-caching-go/v2/secretcache"
)

const byHandName = "by hand on caching-go"

// newByHand is what a service does that takes AWS's cache as it stands: it keeps
// the text, so the document is decoded and the MAC prepared for every request.
// It has no age at which it stops serving in an outage.
func newByHand(api service, s settings) (*engine, error) {
	cache, err := secretcache.New(func(c *secretcache.Cache) {
		c.Client = api
		c.MaxCacheSize = roomFor(s.capacity)
		c.CacheItemTTL = s.ttl.Nanoseconds()
	})
	if err != nil {
		return nil, err
	}
	get := func(ctx context.Context, tenant string) (*peerSecret, error) {
		text, err := cache.GetSecretStringWithContext(ctx, secretName(tenant))
		if err != nil {
			return nil, err
		}
		return decodePeerSecret(text)
	}
	return &engine{
		name: byHandName,
		verify: func(ctx context.Context, tenant string, body []byte, signature string) error {
			secret, err := get(ctx, tenant)
			if err != nil {
				return err
			}
			return secret.verify(body, signature)
		},
		get: func(ctx context.Context, tenant string) error {
			_, err := get(ctx, tenant)
			return err
		},
		close: func() {},
	}, nil
}
