package provision_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/provision"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func (s *service) destinations(of string) []provision.Destination {
	s.Helper()
	list, err := s.provisioner.Destinations(s.Context(), of)
	if err != nil {
		s.Fatal(err)
	}
	return list
}

// A tenant's destinations are its own by the whole name: nothing of one whose id begins
// as its does, of another service, or beside the destinations.
func TestDestinations(t *testing.T) {
	s := newService(t)
	for _, name := range []string{
		"prod/formbridge/t_a/destinations/webhook2/api_key",
		"prod/formbridge/t_a/destinations/webhook1/oauth_token",
		"prod/formbridge/t_a/destinations/webhook1/hmac_key",
		"prod/formbridge/t_a/destinations/webhook1/api_key",
		"prod/formbridge/t_a/destinations/Webhook1/api_key",
		"prod/formbridge/t_a/destinations/webhook1/own/kind",

		"prod/formbridge/t_a/destinations/webhook9", // no secret of a destination
		"prod/formbridge/t_a/destinations/-/api_key",
		"prod/formbridge/t_a/destinations/a b/api_key",
		"prod/formbridge/t_a/destinations//api_key",
		"prod/formbridge/t_a/destinations_old/webhook8/api_key",
		"prod/formbridge/t_a/Destinations/webhook8/api_key",
		"prod/formbridge/t_a/hmac_key",
		"prod/formbridge/t_abc/destinations/webhook3/api_key",
		"prod/formbridge/t_a-b/destinations/webhook4/api_key",
		"prod/formbridge/T_A/destinations/webhook5/api_key",
		"prod/formbridge/t_A/destinations/webhook5/api_key",
		"prod/formbridge2/t_a/destinations/webhook6/api_key",
		"production/formbridge/t_a/destinations/webhook6/api_key",
		"test/formbridge/t_a/destinations/webhook6/api_key",
		"x/prod/formbridge/t_a/destinations/webhook6/api_key",
		"prod/formbridge/global/destinations/webhook7/api_key",
		"prod/formbridge/t_a/t_a/destinations/webhook7/api_key",
	} {
		if _, err := s.backend.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("{}")}); err != nil {
			t.Logf("%s cannot be: %v", name, err)
		}
	}
	s.backend.ClearCalls()
	want := []provision.Destination{
		{Name: "Webhook1", SecretTypes: []string{"api_key"}},
		{Name: "webhook1", SecretTypes: []string{"api_key", "hmac_key", "oauth_token", "own/kind"}},
		{Name: "webhook2", SecretTypes: []string{"api_key"}},
	}
	if got := s.destinations("t_a"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	s.wantsCalls("ListSecrets")
	if got := s.destinations("t_"); got != nil {
		t.Errorf("of a tenant without any: %v", got)
	}
	if got := s.destinations("t_abc"); len(got) != 1 || got[0].Name != "webhook3" {
		t.Errorf("of t_abc: %v", got)
	}
}

// A list that a server makes longer than was asked for is compared all the same.
func TestDestinationsAreFilteredHere(t *testing.T) {
	s := newService(t)
	for _, id := range []string{tenant, otherTenant, "t_abc1234"} {
		if _, err := provision.Create(t.Context(), s.provisioner, id, shop, newAPIKey()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.provisioner.CreateHMACKey(t.Context(), tenant, "webhook1"); err != nil {
		t.Fatal(err)
	}
	s.store("prod/formbridge/t_abc123/databases/main/credentials", "{}")
	s.store("prod/formbridge/t_abc123/own/webhook2/api_key", "{}")
	list, err := s.over(&unfiltered{s.backend}).provisioner.Destinations(t.Context(), tenant)
	if err != nil || len(list) != 1 || list[0].Name != "webhook1" || len(list[0].SecretTypes) != 2 {
		t.Errorf("got %v, error %v", list, err)
	}
}

// unfiltered lists all there is.
type unfiltered struct{ *secretstest.Backend }

func (u *unfiltered) ListSecrets(ctx context.Context, in *secretsmanager.ListSecretsInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error) {
	all := *in
	all.Filters = nil
	return u.Backend.ListSecrets(ctx, &all, optFns...)
}

// More than a page of a hundred is read to its end.
func TestManyDestinations(t *testing.T) {
	s := newService(t)
	const n = 250
	for i := range n {
		name := fmt.Sprintf("prod/formbridge/t_abc123/destinations/hook%03d/api_key", i)
		if _, err := s.backend.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	s.backend.ClearCalls()
	list := s.destinations(tenant)
	if len(list) != n {
		t.Fatalf("%d destinations, want %d", len(list), n)
	}
	for i, d := range list {
		if want := fmt.Sprintf("hook%03d", i); d.Name != want {
			t.Fatalf("the %dth is %s, want %s", i, d.Name, want)
		}
	}
	s.wantsCalls("ListSecrets", "ListSecrets", "ListSecrets")
}

func TestDestinationsThatAreDeleted(t *testing.T) {
	s := newService(t)
	s.created()
	if _, err := s.provisioner.CreateHMACKey(t.Context(), tenant, "webhook2"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.backend.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: aws.String(shopName)}); err != nil {
		t.Fatal(err)
	}
	if got := s.destinations(tenant); len(got) != 1 || got[0].Name != "webhook2" {
		t.Errorf("got %v", got)
	}
}

func TestDestinationsInTrouble(t *testing.T) {
	for _, tt := range []struct {
		what  string
		fault secretstest.Fault
		want  error
	}{
		{"access denied", secretstest.Fault{Err: secretstest.AccessDenied()}, tenantsecrets.ErrAccessDenied},
		{"throttled", secretstest.Fault{Err: secretstest.Throttling()}, tenantsecrets.ErrUnavailable},
		{"an answer lost", secretstest.Fault{LostAnswer: true}, tenantsecrets.ErrUnavailable},
		{"the second page lost", secretstest.Fault{LostAnswer: true, After: 1}, tenantsecrets.ErrUnavailable},
	} {
		t.Run(tt.what, func(t *testing.T) {
			s := newService(t)
			for i := range 101 {
				name := fmt.Sprintf("prod/formbridge/t_abc123/destinations/hook%03d/api_key", i)
				if _, err := s.backend.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("{}")}); err != nil {
					t.Fatal(err)
				}
			}
			s.backend.Inject(tt.fault)
			list, err := s.provisioner.Destinations(t.Context(), tenant)
			s.wantsError(err, "Destinations", tt.want)
			if list != nil {
				t.Error("a part of the list is returned")
			}
		})
	}
}

func TestDestinationsRefused(t *testing.T) {
	s := newService(t)
	for _, id := range []string{"", "a/b", "t_*", "!t_a", "t_a/", tenantsecrets.Global} {
		_, err := s.provisioner.Destinations(t.Context(), id)
		s.wantsError(err, "Destinations", tenantsecrets.ErrInvalidTenant)
	}
	s.wantsCalls()
}
