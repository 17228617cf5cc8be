package main

import (
	"context"
	"slices"

	"github.com/formbridge/tenantsecrets"
)

// capacity bounds how many secrets are kept; 0 does not.
func capacity(n int) func(*tenantsecrets.Options) {
	return func(o *tenantsecrets.Options) { o.Capacity = n }
}

// valuesOnly is the second reader: GetSecretValue alone.
func valuesOnly(o *tenantsecrets.Options) { o.ValuesOnly = true }

// prefetch is as fast as the service allows: what is measured is the calls.
func prefetch(ctx context.Context, c *tenantsecrets.Client, tenants []string) error {
	return c.Prefetch(ctx, slices.Values(tenants), func(o *tenantsecrets.PrefetchOptions) { o.Rate = prefetchRate })
}

const prefetchRate = -1 // no limit
