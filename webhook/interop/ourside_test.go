package interop_test

import (
	"testing"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/webhook"
)

// destination is where our signed webhooks go to.
const destination = "webhook1"

var naming = tenantsecrets.Naming{Environment: "prod", Service: "formbridge"}

// newClient is a client of a Secrets Manager that has the tenant's own keys, or
// those of its destination, at a path.
func newClient(t testing.TB, path string, secrets ...string) *tenantsecrets.Client {
	t.Helper()
	b := secretstest.New()
	name, err := naming.Build(tenant, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.CreateSecret(t.Context(), stored(t, name, secrets...)); err != nil {
		t.Fatal(err)
	}
	c, err := tenantsecrets.New(b, naming)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// newSigner signs with the keys of the destination, the newest first.
func (f form) newSigner(t testing.TB, secrets ...string) *webhook.Signer {
	t.Helper()
	c := newClient(t, "destinations/"+destination+"/hmac_key", secrets...)
	s, err := webhook.NewSigner(c, func(o *webhook.SignerOptions) { o.Scheme = f.scheme })
	if err != nil {
		t.Fatal(err)
	}
	return s
}
