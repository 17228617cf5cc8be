//go:build !race

package tenantsecrets_test

import (
	"testing"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// The race detector allocates on its own, so this is measured without it.
func TestHitDoesNotAllocateWhereThereIsACapacity(t *testing.T) {
	const long = "t_0123456789_0123456789_0123456789_0123456789_0123456789_012345" // not beside its snapshot
	b := secretstest.New()
	for _, id := range []string{tenant, long} {
		store(t, b, "prod/formbridge/"+id+"/hmac_key", document(t, map[string]any{"tenant_id": id}))
	}
	c := newClient(t, b, roomFor(2), func(o *tenantsecrets.Options) { o.ValuesOnly = true })
	for _, id := range []string{tenant, long} {
		tenantSecretOf(t, c, id)
		if n := testing.AllocsPerRun(100, func() { _, _ = c.TenantSecret(t.Context(), id) }); n != 0 {
			t.Errorf("%v allocations for an id of %d characters", n, len(id))
		}
	}
}
