package rotation_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
)

const destinationPath = "destinations/webhook1/hmac_key"

// withDestination stores the key of one of the tenant's destinations.
func (s *service) withDestination() (*ledger, *rotation.Rotator) {
	s.Helper()
	l := s.ledger(destinationPath)
	s.store(l.name(), s.document(nil),
		types.Tag{Key: aws.String("TenantId"), Value: aws.String(tenant)},
		types.Tag{Key: aws.String("SecretType"), Value: aws.String("hmac_key")})
	return l, s.rotator.Destination("webhook1")
}

// Every call about a destination is about its key, and leaves the tenant's own alone.
func TestDestination(t *testing.T) {
	inBubble(t, func(s *service) {
		l, r := s.withDestination()
		_, a := s.current(l.name())
		b := s.wants(rotation.Done)(r.Rotate(s.Context(), tenant)).VersionID
		l.walk(moment{0, a, []string{b}}, moment{handover, b, []string{a}})
		s.wants(rotation.TooYoung)(r.Rotate(s.Context(), tenant, olderThan(day)))

		s.wants(rotation.Done)(r.Rollback(s.Context(), tenant, a))
		l.check(a, b)
		time.Sleep(time.Second)
		c := s.wants(rotation.Done)(r.Revoke(s.Context(), tenant, a)).VersionID // none is newer
		l.check(c, b)
		time.Sleep(time.Second)
		d := s.wants(rotation.Done)(r.RevokeAll(s.Context(), tenant)).VersionID
		l.check(d)
		versions, err := r.Versions(s.Context(), tenant)
		if err != nil || len(versions) != 5 || versions[0].ID != d {
			s.Errorf("versions %+v, %v", versions, err)
		}
		if own := s.versions(hmacName); own != 1 {
			s.Errorf("the tenant's own secret has %d versions", own)
		}
	})
}

// The other way around: the tenant's own key is not the destination's.
func TestDestinationIsLeftAlone(t *testing.T) {
	inBubble(t, func(s *service) {
		l, _ := s.withDestination()
		s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
		s.wants(rotation.Done)(s.rotator.RevokeAll(s.Context(), tenant))
		if n := s.versions(l.name()); n != 1 {
			s.Errorf("the destination's secret has %d versions", n)
		}
	})
}

func TestDestinationThatIsAbsent(t *testing.T) {
	inBubble(t, func(s *service) {
		for _, door := range doors {
			s.wantsError(door.call(s.Context(), s.rotator.Destination("webhook1"), tenant), door.op, tenant, tenantsecrets.ErrNotFound)
		}
	})
}

// A destination's rotator that is used by all at once rotates those who have one.
func TestDestinationOfAll(t *testing.T) {
	inBubble(t, func(s *service) {
		l, r := s.withDestination()
		s.store("prod/formbridge/t_abc123/destinations/webhook2/hmac_key", s.document(nil))
		s.store("prod/formbridge/t_abc123/destinations/webhook1/api_key", s.document(nil))
		var done []string
		summary, err := r.RotateAll(s.Context(), nil, func(o *rotation.RotateAllOptions) {
			o.Progress = func(tenant string, _ rotation.Result, _ error) { done = append(done, tenant) }
		})
		if err != nil || summary != (rotation.Summary{Rotated: 1}) || !slices.Equal(done, []string{tenant}) {
			s.Errorf("%+v of %v, %v", summary, done, err)
		}
		if n := s.versions(l.name()); n != 2 {
			s.Errorf("the destination's secret has %d versions", n)
		}
	})
}

// What a process holds of the destination's key is forgotten with its revocation.
func TestDestinationRevokedIsForgotten(t *testing.T) {
	inBubble(t, func(s *service) {
		l, r := s.withDestination()
		kind := tenantsecrets.DestinationHMACKey("webhook1")
		before, err := tenantsecrets.Get(s.Context(), s.client, tenant, kind)
		if err != nil {
			s.Fatal(err)
		}
		tags, err := before.MACs(message)
		if err != nil {
			s.Fatal(err)
		}
		s.wants(rotation.Done)(r.RevokeAll(s.Context(), tenant))
		after, err := tenantsecrets.Get(s.Context(), s.client, tenant, kind)
		if err != nil {
			s.Fatal(err)
		}
		if _, _, err := after.Match(tags, message); err == nil {
			s.Error("the revoked key is accepted by the process that revoked it")
		}
		_, current := s.current(l.name())
		l.check(current)
	})
}

// A rotator says in a log what it is of.
func TestRotatorsString(t *testing.T) {
	s := newService(t)
	for r, want := range map[*rotation.Rotator]string{
		s.rotator:                         "Rotator(prod/formbridge/*/hmac_key)",
		s.rotator.Destination("webhook1"): "Rotator(prod/formbridge/*/destinations/webhook1/hmac_key)",
		s.rotator.Destination("webhook1").Destination("webhook2"): "Rotator(prod/formbridge/*/destinations/webhook2/hmac_key)",
	} {
		if r.String() != want {
			t.Errorf("%q, want %q", r, want)
		}
	}
}

func TestOutcomesString(t *testing.T) {
	for outcome, want := range map[rotation.Outcome]string{
		rotation.Done: "done", rotation.AlreadyDone: "already done", rotation.TooYoung: "too young", rotation.Planned: "planned",
		0: "Outcome(0)", -1: "Outcome(-1)", 5: "Outcome(5)",
	} {
		if outcome.String() != want {
			t.Errorf("%q, want %q", outcome, want)
		}
	}
}
