package rotation_test

import (
	"errors"
	"testing"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// A client that was not told where secrets are learns it with its first load. A rotator
// of it writes nowhere else, whether it was made before or after: a secret of the same
// name in another Region is nobody's that the client reads for.
func TestARotatorWritesWhereItsClientReads(t *testing.T) {
	for name, loaded := range map[string]bool{"made before the first load": false, "made after the first load": true} {
		t.Run(name, func(t *testing.T) {
			home, other := tenantIn(t, "us-east-1"), tenantIn(t, "eu-west-1")
			client, err := tenantsecrets.New(home, naming)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			load := func() {
				if _, err := client.TenantSecret(t.Context(), tenant); err != nil {
					t.Fatal(err)
				}
			}
			if loaded {
				load()
			}
			r, err := rotation.New(client, other)
			if err != nil {
				t.Fatal(err)
			}
			load()
			if _, err := r.Rotate(t.Context(), tenant); !errors.Is(err, tenantsecrets.ErrWrongTenant) {
				t.Errorf("error %v, want ErrWrongTenant", err)
			}
			for _, call := range other.Calls() {
				if call.Operation == "PutSecretValue" {
					t.Error("the other Region's secret was written")
				}
			}
		})
	}
}

// tenantIn is the Secrets Manager of a Region, with the tenant's secret.
func tenantIn(t *testing.T, region string) *secretstest.Backend {
	t.Helper()
	b := secretstest.New(func(o *secretstest.Options) { o.Region = region })
	c, err := tenantsecrets.New(b, naming)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.CreateTenant(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	return b
}
