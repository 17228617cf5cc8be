package provision_test

import (
	"crypto/rand"
	"errors"
	"testing"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/provision"
	"github.com/formbridge/tenantsecrets/secretstest"
)

const tenant = "t_abc123"

var (
	naming = tenantsecrets.Naming{Environment: "prod", Service: "formbridge"}
	shop   = tenantsecrets.DestinationAPIKey("webhook1")
)

// service is a client and a provisioner of one Secrets Manager.
type service struct {
	*testing.T
	backend     *secretstest.Backend
	client      *tenantsecrets.Client
	provisioner *provision.Provisioner
}

func newService(t *testing.T) *service {
	t.Helper()
	b := secretstest.New()
	c, err := tenantsecrets.New(b, naming)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	p, err := provision.New(c, b)
	if err != nil {
		t.Fatal(err)
	}
	return &service{t, b, c, p}
}

func newAPIKey() tenantsecrets.APIKey {
	return tenantsecrets.APIKey{Key: tenantsecrets.NewValue(rand.Text()), Header: "X-Api-Key"}
}

// Of two who change one version the second learns that it has lost.
func TestPutLosesToAnother(t *testing.T) {
	s := newService(t)
	first, err := provision.Create(s.Context(), s.provisioner, tenant, shop, newAPIKey())
	if err != nil {
		t.Fatal(err)
	}
	changed := newAPIKey()
	if _, err := provision.Put(s.Context(), s.provisioner, tenant, shop, first, changed); err != nil {
		t.Fatal(err)
	}
	if _, err := provision.Put(s.Context(), s.provisioner, tenant, shop, first, newAPIKey()); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("error %v, want ErrConflict", err)
	}
	got, err := tenantsecrets.Get(s.Context(), s.client, tenant, shop)
	if err != nil || !got.Key.Equal(changed.Key) {
		t.Errorf("the winner's key is not read; error %v", err)
	}
}
