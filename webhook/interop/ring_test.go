package interop_test

import (
	"context"

	"github.com/formbridge/tenantsecrets"
)

// ring is a webhook.KeySource with one keyring for all tenants.
type ring struct{ keys tenantsecrets.Keyring }

func (r ring) Verify(_ context.Context, tenant string, try func(tenantsecrets.Keyring) error) error {
	if err := try(r.keys); err != nil {
		return &tenantsecrets.Error{Op: "Verify", Tenant: tenant, Err: err}
	}
	return nil
}
