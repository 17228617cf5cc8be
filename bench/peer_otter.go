package main

import (
	"context"

	"github.com/maypok86/otter/v2"
)

const otterName = "otter"

// newOtter is a loading cache that refreshes in the background from 0.7 TTL on
// and serves up to MaxStale.
func newOtter(api service, s settings) (*engine, error) {
	cache, err := otter.New(&otter.Options[string, *peerSecret]{
		MaximumSize:       roomFor(s.capacity),
		ExpiryCalculator:  otter.ExpiryWriting[string, *peerSecret](s.maxStale),
		RefreshCalculator: otter.RefreshWriting[string, *peerSecret](s.ttl / 10 * 7),
		Logger:            &otter.NoopLogger{},
	})
	if err != nil {
		return nil, err
	}
	loader := otter.LoaderFunc[string, *peerSecret](func(ctx context.Context, tenant string) (*peerSecret, error) {
		secret, err := loadPeerSecret(ctx, api, tenant)
		if isGone(err) {
			return nil, otter.ErrNotFound
		}
		return secret, err
	})
	return &engine{
		name: otterName,
		verify: func(ctx context.Context, tenant string, body []byte, signature string) error {
			secret, err := cache.Get(ctx, tenant, loader)
			if err != nil {
				return err
			}
			return secret.verify(body, signature)
		},
		get: func(ctx context.Context, tenant string) error {
			_, err := cache.Get(ctx, tenant, loader)
			return err
		},
		close: func() { cache.StopAllGoroutines() },
	}, nil
}
