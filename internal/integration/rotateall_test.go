package integration

import (
	"context"
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
)

func TestRotateAll(t *testing.T) {
	eachServer(t, func(t *testing.T, at endpoint) {
		ctx, api := bounded(t), connect(t, at)
		c, err := tenantsecrets.New(api, tenantsecrets.Naming{Environment: "prod", Service: "all" + rand.Text()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		// Filters match prefixes, and one id is the beginning of another.
		tenants := []string{"t_a", "t_ab", "t_abc"}
		for _, tenant := range tenants {
			if _, err := c.CreateTenant(ctx, tenant); err != nil {
				t.Fatal(err)
			}
		}
		createDestination(ctx, t, api, c.Naming(), "t_a")
		createDestination(ctx, t, api, c.Naming(), "t_b")

		r, err := rotation.New(c, api)
		if err != nil {
			t.Fatal(err)
		}
		hmac, destination := tenants, []string{"t_a", "t_b"}
		for _, run := range []struct {
			name      string
			rotator   *rotation.Rotator
			olderThan time.Duration
			want      rotation.Summary
			tenants   []string
		}{
			{"keys just made", r, 0, rotation.Summary{TooYoung: 3}, hmac},
			{"keys of any age", r, time.Nanosecond, rotation.Summary{Rotated: 3}, hmac},
			{"again", r, 0, rotation.Summary{TooYoung: 3}, hmac},
			{"a destination", r.Destination("webhook1"), 0, rotation.Summary{Rotated: 2}, destination},
			{"a destination again", r.Destination("webhook1"), 0, rotation.Summary{TooYoung: 2}, destination},
		} {
			var told []string
			got, err := run.rotator.RotateAll(ctx, nil, func(o *rotation.RotateAllOptions) {
				o.OlderThan = run.olderThan
				o.Progress = func(tenant string, _ rotation.Result, _ error) { told = append(told, tenant) }
			})
			if err != nil || got != run.want {
				t.Errorf("%s: %+v, error %v, want %+v", run.name, got, err, run.want)
			}
			if slices.Sort(told); !slices.Equal(told, run.tenants) {
				t.Errorf("%s: tenants %q, want %q", run.name, told, run.tenants)
			}
		}
	})
}

// createDestination makes the key of a tenant's webhook1 as another program does, with
// neither kid nor base.
func createDestination(ctx context.Context, t *testing.T, api *secretsmanager.Client, naming tenantsecrets.Naming, tenant string) {
	t.Helper()
	name, err := naming.Build(tenant, tenantsecrets.DestinationHMACKey("webhook1").Path)
	if err != nil {
		t.Fatal(err)
	}
	text := canonical(t, map[string]string{
		"shared_secret": rand.Text() + rand.Text(), "created_at": "2026-01-02T03:04:05.678901", "tenant_id": tenant, "version": "1.0",
	})
	if _, err := api.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: &text}); err != nil {
		t.Fatal(err)
	}
}

func TestRotateADestination(t *testing.T) {
	eachRotated(t, func(s *rotated) {
		createDestination(s.ctx, t, s.api, naming, s.tenant)
		kind := tenantsecrets.DestinationHMACKey("webhook1")
		before, err := tenantsecrets.Get(s.ctx, newClient(t, s.api), s.tenant, kind)
		if err != nil {
			s.Fatal(err)
		}
		result := s.wants(rotation.Done)(s.rotator.Destination("webhook1").Rotate(s.ctx, s.tenant))
		if len(result.Keys) != 2 {
			s.Errorf("keys %+v", result.Keys)
		}
		after, err := tenantsecrets.Get(s.ctx, newClient(t, s.api), s.tenant, kind)
		if err != nil {
			s.Fatal(err)
		}
		tags, err := after.MACs(body)
		if err != nil || len(tags) != 2 {
			s.Fatalf("%d tags, error %v", len(tags), err)
		}
		if kid, newest, err := before.Match(tags, body); err != nil || !newest {
			s.Errorf("the key before: kid %q, error %v", kid, err)
		}
		if now := s.read(); now.VersionID() != s.first.VersionID() {
			s.Error("the tenant's own secret was rotated")
		}
	})
}
