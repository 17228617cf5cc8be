package main

import (
	"context"
	"errors"
	"time"

	"github.com/viccon/sturdyc"
)

const sturdycName = "sturdyc"

// newSturdyc refreshes early, from 0.6 to 0.8 TTL on as ours does, and never
// makes a caller wait for a refresh before MaxStale. It backs off from one
// second on.
func newSturdyc(api service, s settings) (*engine, error) {
	cache := sturdyc.New[*peerSecret](roomFor(s.capacity), shards(s.capacity), s.maxStale, 10,
		sturdyc.WithEarlyRefreshes(s.ttl/10*6, s.ttl/10*8, s.maxStale, time.Second),
		sturdyc.WithNoContinuousEvictions(), // its goroutine never ends; nothing here outlives MaxStale unused
	)
	get := func(ctx context.Context, tenant string) (*peerSecret, error) {
		return cache.GetOrFetch(ctx, tenant, func(ctx context.Context) (*peerSecret, error) {
			secret, err := loadPeerSecret(ctx, api, tenant)
			if isGone(err) {
				return nil, sturdyc.ErrNotFound
			}
			return secret, err
		})
	}
	return &engine{
		name: sturdycName,
		verify: func(ctx context.Context, tenant string, body []byte, signature string) error {
			secret, err := get(ctx, tenant)
			if err != nil && !errors.Is(err, sturdyc.ErrOnlyCachedRecords) {
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

// shards spread its locks. A small cache has one: of several, one would be full
// before the others.
func shards(capacity int) int {
	if capacity > 0 && capacity < 10_000 {
		return 1
	}
	return 64
}
