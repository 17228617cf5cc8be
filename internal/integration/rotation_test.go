package integration

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
)

// rotated is a tenant of a server whose keys are rotated.
type rotated struct {
	*testing.T
	ctx     context.Context
	at      endpoint
	tenant  string
	api     *secretsmanager.Client
	rotator *rotation.Rotator
	first   *tenantsecrets.TenantSecret // as it was created
}

func eachRotated(t *testing.T, test func(s *rotated)) {
	eachServer(t, func(t *testing.T, at endpoint) {
		s := &rotated{T: t, ctx: bounded(t), at: at, tenant: newTenant(), api: connect(t, at)}
		s.rotator = s.newRotator(s.api)
		var err error
		if s.first, err = newClient(t, s.api).CreateTenant(s.ctx, s.tenant); err != nil {
			t.Fatal(err)
		}
		test(s)
	})
}

// newRotator returns one of another process.
func (s *rotated) newRotator(api rotation.API) *rotation.Rotator {
	s.Helper()
	r, err := rotation.New(newClient(s.T, s.api), api)
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// wants fails the test unless a call came to an outcome.
func (s *rotated) wants(outcome rotation.Outcome) func(rotation.Result, error) rotation.Result {
	return func(result rotation.Result, err error) rotation.Result {
		s.Helper()
		if err != nil || result.Outcome != outcome {
			s.Fatalf("%v, error %v, want %v", result.Outcome, err, outcome)
		}
		if result.ClockUnchecked {
			s.Error("the server did not say what time it is")
		}
		return result
	}
}

// labelled returns the version that has a label. It always names one: without, some
// servers answer with a version that was current before.
func (s *rotated) labelled(label string) string {
	s.Helper()
	out, err := s.api.GetSecretValue(s.ctx, &secretsmanager.GetSecretValueInput{
		SecretId: aws.String(hmacName(s.tenant)), VersionStage: &label,
	})
	if err != nil {
		s.Fatalf("GetSecretValue of %s: %v", label, err)
	}
	return aws.ToString(out.VersionId)
}

func (s *rotated) wantsLabels(current, previous string) {
	s.Helper()
	if got := s.labelled("AWSCURRENT"); got != current {
		s.Errorf("AWSCURRENT is on %s, want %s", got, current)
	}
	if got := s.labelled("AWSPREVIOUS"); got != previous {
		s.Errorf("AWSPREVIOUS is on %s, want %s", got, previous)
	}
}

// read returns what a new process sees, whichever way it reads: its Secret is the
// newest key's.
func (s *rotated) read() *tenantsecrets.TenantSecret {
	s.Helper()
	full, err := newClient(s.T, s.api).TenantSecret(s.ctx, s.tenant)
	if err != nil {
		s.Fatal(err)
	}
	c, err := tenantsecrets.New(s.api, naming, func(o *tenantsecrets.Options) { o.ValuesOnly = true })
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(c.Close)
	byValue, err := c.TenantSecret(s.ctx, s.tenant)
	if err != nil {
		s.Fatal(err)
	}
	if full.VersionID() != byValue.VersionID() || !full.Secret().Equal(byValue.Secret()) {
		s.Errorf("one reader sees version %s, another %s", full.VersionID(), byValue.VersionID())
	}
	return full
}

// signed is what the snapshot's signing key makes of the body.
func (s *rotated) signed(by *tenantsecrets.TenantSecret) string {
	s.Helper()
	signature, err := tenantsecrets.SignHMAC(by.Keys(), body)
	if err != nil {
		s.Fatal(err)
	}
	return signature
}

var body = []byte("body")

// signedBy is what a key alone makes of the body.
func (s *rotated) signedBy(key tenantsecrets.Value) string {
	s.Helper()
	keys, err := tenantsecrets.NewKeyring(key)
	if err != nil {
		s.Fatal(err)
	}
	signature, err := tenantsecrets.SignHMAC(keys, body)
	if err != nil {
		s.Fatal(err)
	}
	return signature
}

func TestRotate(t *testing.T) {
	eachRotated(t, func(s *rotated) {
		result := s.wants(rotation.Done)(s.rotator.Rotate(s.ctx, s.tenant))
		s.wantsLabels(result.VersionID, s.first.VersionID())
		now := s.read()
		if now.VersionID() != result.VersionID || now.Secret().Equal(s.first.Secret()) {
			s.Error("the newest key is the one before")
		}
		if s.signed(now) != s.signedBy(s.first.Secret()) {
			s.Error("the new key signs before every reader has seen it")
		}
		for name, key := range map[string]tenantsecrets.Value{"new": now.Secret(), "old": s.first.Secret()} {
			if err := tenantsecrets.VerifyHMAC(now.Keys(), body, s.signedBy(key)); err != nil {
				s.Errorf("%s key: %v", name, err)
			}
		}
		s.wants(rotation.TooYoung)(s.rotator.Rotate(s.ctx, s.tenant, func(o *rotation.RotateOptions) { o.OlderThan = time.Hour }))
	})
}

// together lets PutSecretValue through when as many writers as there are have come
// to it: all of them have read the same version by then.
type together struct {
	rotation.API
	once sync.Once
	all  *sync.WaitGroup
}

func (a *together) PutSecretValue(ctx context.Context, in *secretsmanager.PutSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error) {
	a.once.Do(func() {
		a.all.Done()
		a.all.Wait()
	})
	return a.API.PutSecretValue(ctx, in, optFns...)
}

func TestRotatorsRace(t *testing.T) {
	eachRotated(t, func(s *rotated) {
		const racing = 4
		var ready, group sync.WaitGroup
		ready.Add(racing)
		outcomes, versions := make(chan rotation.Outcome, racing), make(chan string, racing)
		for range racing {
			r := s.newRotator(&together{API: connect(t, s.at), all: &ready})
			group.Go(func() {
				result, err := r.Rotate(s.ctx, s.tenant)
				if err != nil {
					s.Error(err)
				}
				outcomes <- result.Outcome
				versions <- result.VersionID
			})
		}
		group.Wait()
		close(outcomes)
		done := 0
		for outcome := range outcomes {
			if outcome == rotation.Done {
				done++
			}
		}
		if done != 1 {
			s.Errorf("%d of %d rotators wrote, want one", done, racing)
		}
		current := s.labelled("AWSCURRENT")
		for range racing {
			if got := <-versions; got != current {
				s.Errorf("a rotator speaks of version %s, and %s is current", got, current)
			}
		}
		s.wantsLabels(current, s.first.VersionID())
		s.wantsVersions(current, s.first.VersionID())
	})
}

// wantsVersions compares what Versions lists, whatever the order: some servers' dates
// are in whole seconds.
func (s *rotated) wantsVersions(ids ...string) {
	s.Helper()
	versions, err := s.rotator.Versions(s.ctx, s.tenant)
	if err != nil {
		s.Fatal(err)
	}
	var got []string
	for _, v := range versions {
		got = append(got, v.ID)
		if v.Err != nil || len(v.Keys) == 0 {
			s.Errorf("version %s: %d keys, error %v", v.ID, len(v.Keys), v.Err)
		}
	}
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		s.Errorf("versions %q, want %q", got, ids)
	}
}

func TestRevoke(t *testing.T) {
	eachRotated(t, func(s *rotated) {
		leaked := s.signed(s.first)
		rotated := s.wants(rotation.Done)(s.rotator.Rotate(s.ctx, s.tenant))
		revoked := s.wants(rotation.Done)(s.rotator.Revoke(s.ctx, s.tenant, s.first.VersionID()))
		s.wantsLabels(revoked.VersionID, rotated.VersionID)
		now := s.read()
		if err := tenantsecrets.VerifyHMAC(now.Keys(), body, leaked); !errors.Is(err, tenantsecrets.ErrMismatch) {
			s.Errorf("signed with the revoked key: %v", err)
		}
		if s.signed(now) != s.signedBy(now.Secret()) || len(revoked.Keys) != 1 || revoked.Keys[0].KID != rotated.VersionID {
			s.Errorf("the newer key does not sign at once: %+v", revoked.Keys)
		}
		s.wants(rotation.AlreadyDone)(s.rotator.Revoke(s.ctx, s.tenant, s.first.VersionID()))
		if _, err := s.rotator.Revoke(s.ctx, s.tenant, "00000000-0000-4000-8000-000000000000"); !errors.Is(err, rotation.ErrUnknownKey) {
			s.Errorf("a kid of no version: %v", err)
		}
		if _, err := s.rotator.Rollback(s.ctx, s.tenant, s.first.VersionID()); !errors.Is(err, rotation.ErrRevoked) {
			s.Errorf("a rollback to a revoked key: %v", err)
		}
	})
}

func TestRevokeAll(t *testing.T) {
	eachRotated(t, func(s *rotated) {
		rotated := s.wants(rotation.Done)(s.rotator.Rotate(s.ctx, s.tenant))
		before := s.read()
		revoked := s.wants(rotation.Done)(s.rotator.RevokeAll(s.ctx, s.tenant))
		s.wantsLabels(revoked.VersionID, rotated.VersionID)
		now := s.read()
		for name, key := range map[string]tenantsecrets.Value{"first": s.first.Secret(), "second": before.Secret()} {
			if err := tenantsecrets.VerifyHMAC(now.Keys(), body, s.signedBy(key)); !errors.Is(err, tenantsecrets.ErrMismatch) {
				s.Errorf("signed with the %s key: %v", name, err)
			}
		}
		if s.signed(now) != s.signedBy(now.Secret()) {
			s.Error("the new key does not sign at once")
		}
	})
}

func TestRollback(t *testing.T) {
	eachRotated(t, func(s *rotated) {
		rotated := s.wants(rotation.Done)(s.rotator.Rotate(s.ctx, s.tenant))
		second := s.read().Secret()
		back := s.wants(rotation.Done)(s.rotator.Rollback(s.ctx, s.tenant, s.first.VersionID()))
		s.wantsLabels(back.VersionID, rotated.VersionID)
		now := s.read()
		if !now.Secret().Equal(s.first.Secret()) || s.signed(now) != s.signedBy(s.first.Secret()) {
			s.Error("the first key is not on top again")
		}
		if err := tenantsecrets.VerifyHMAC(now.Keys(), body, s.signedBy(second)); err != nil {
			s.Errorf("signed with the key that was replaced: %v", err)
		}
		s.wants(rotation.AlreadyDone)(s.rotator.Rollback(s.ctx, s.tenant, s.first.VersionID()))
		s.wantsVersions(back.VersionID, rotated.VersionID, s.first.VersionID())
	})
}

// A label that is moved by hand makes the version before current again, and the next
// rotation starts from it without losing a key.
func TestRotateAfterALabelWasMoved(t *testing.T) {
	eachRotated(t, func(s *rotated) {
		rotated := s.wants(rotation.Done)(s.rotator.Rotate(s.ctx, s.tenant))
		second := s.read().Secret()
		if _, err := s.api.UpdateSecretVersionStage(s.ctx, &secretsmanager.UpdateSecretVersionStageInput{
			SecretId: aws.String(hmacName(s.tenant)), VersionStage: aws.String("AWSCURRENT"),
			MoveToVersionId: aws.String(s.first.VersionID()), RemoveFromVersionId: &rotated.VersionID,
		}); err != nil {
			s.Fatal(err)
		}
		s.wantsLabels(s.first.VersionID(), rotated.VersionID)
		if now := s.read(); now.VersionID() != s.first.VersionID() {
			s.Errorf("version %s is read, and %s is current", now.VersionID(), s.first.VersionID())
		}
		if s.at.name == "moto" { // which would leave AWSCURRENT where it is, and put it on the next version too
			return
		}
		again := s.wants(rotation.Done)(s.rotator.Rotate(s.ctx, s.tenant))
		s.wantsLabels(again.VersionID, s.first.VersionID())
		now := s.read()
		for name, key := range map[string]tenantsecrets.Value{"first": s.first.Secret(), "second": second, "third": now.Secret()} {
			if err := tenantsecrets.VerifyHMAC(now.Keys(), body, s.signedBy(key)); err != nil {
				s.Errorf("%s key: %v", name, err)
			}
		}
	})
}
