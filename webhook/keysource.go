package webhook

import (
	"context"

	"github.com/formbridge/tenantsecrets"
)

// KeySource provides the keys of tenants to a [Verifier]. A *tenantsecrets.Client is one.
// Any number of goroutines may call it concurrently.
type KeySource interface {
	// Verify calls try with the tenant's keys and returns try's error. If that error is
	// ErrMismatch, Verify loads newer keys and calls try again, or returns
	// tenantsecrets.ErrUnconfirmed if it could not load them. It must not call try
	// concurrently, nor after it has returned: try then belongs to another request.
	Verify(ctx context.Context, tenant string, try func(tenantsecrets.Keyring) error) error
}
