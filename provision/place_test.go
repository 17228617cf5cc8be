package provision_test

import (
	"errors"
	"testing"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/provision"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// A client that was not told where secrets are learns it with its first load. A
// provisioner of it changes nothing elsewhere, whether it was made before or after.
func TestAProvisionerWritesWhereItsClientReads(t *testing.T) {
	for name, loaded := range map[string]bool{"made before the first load": false, "made after the first load": true} {
		t.Run(name, func(t *testing.T) {
			home, _ := shopIn(t, "us-east-1")
			other, version := shopIn(t, "eu-west-1")
			client, err := tenantsecrets.New(home, naming)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			load := func() {
				if _, err := tenantsecrets.Get(t.Context(), client, tenant, shop); err != nil {
					t.Fatal(err)
				}
			}
			if loaded {
				load()
			}
			p, err := provision.New(client, other)
			if err != nil {
				t.Fatal(err)
			}
			load()
			if _, err := provision.Read(t.Context(), p, tenant, shop); !errors.Is(err, tenantsecrets.ErrWrongTenant) {
				t.Errorf("Read: error %v, want ErrWrongTenant", err)
			}
			if _, err := provision.Put(t.Context(), p, tenant, shop, version, newAPIKey()); !errors.Is(err, tenantsecrets.ErrWrongTenant) {
				t.Errorf("Put: error %v, want ErrWrongTenant", err)
			}
			for _, call := range other.Calls() {
				if call.Operation == "PutSecretValue" {
					t.Error("the other Region's secret was written")
				}
			}
		})
	}
}

// shopIn is the Secrets Manager of a Region, with the shop's secret, of that version.
func shopIn(t *testing.T, region string) (b *secretstest.Backend, version string) {
	t.Helper()
	b = secretstest.New(func(o *secretstest.Options) { o.Region = region })
	c, err := tenantsecrets.New(b, naming)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p, err := provision.New(c, b)
	if err != nil {
		t.Fatal(err)
	}
	if version, err = provision.Create(t.Context(), p, tenant, shop, newAPIKey()); err != nil {
		t.Fatal(err)
	}
	return b, version
}
