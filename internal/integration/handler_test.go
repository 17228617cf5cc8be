package integration

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/rotation"
)

// driven answers as after a RotateSecret whose function is not called: rotation is
// turned on, and a version without a value is AWSPENDING until it has one. No server
// here can be brought to that without a Lambda function of its own.
type driven struct {
	rotation.API
	token string
}

func (a driven) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	out, err := a.API.DescribeSecret(ctx, in, optFns...)
	if err != nil {
		return nil, err
	}
	out.RotationEnabled = aws.Bool(true)
	if _, made := out.VersionIdsToStages[a.token]; !made {
		out.VersionIdsToStages[a.token] = []string{"AWSPENDING"}
	}
	return out, nil
}

// steps returns a function that takes one step of a rotation to a version.
func (s *rotated) steps(token string) func(step string) error {
	s.Helper()
	described, err := s.api.DescribeSecret(s.ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(hmacName(s.tenant))})
	if err != nil {
		s.Fatal(err)
	}
	handler, err := s.newRotator(driven{s.api, token}).Handler()
	if err != nil {
		s.Fatal(err)
	}
	return func(step string) error {
		return handler(s.ctx, rotation.Event{Step: step, SecretID: *described.ARN, ClientRequestToken: token})
	}
}

// stages are the labels of a version.
func (s *rotated) stages(id string) []string {
	s.Helper()
	described, err := s.api.DescribeSecret(s.ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(hmacName(s.tenant))})
	if err != nil {
		s.Fatal(err)
	}
	return described.VersionIdsToStages[id]
}

func TestFourSteps(t *testing.T) {
	eachRotated(t, func(s *rotated) {
		token := document.RandomVersionID()
		step := s.steps(token)
		for _, name := range []string{"createSecret", "createSecret", "setSecret", "testSecret"} { // one is repeated
			if err := step(name); err != nil {
				s.Fatalf("%s: %v", name, err)
			}
			if current := s.labelled("AWSCURRENT"); current != s.first.VersionID() {
				s.Fatalf("after %s version %s is current", name, current)
			}
		}
		if pending := s.labelled("AWSPENDING"); pending != token {
			s.Errorf("AWSPENDING is on %s", pending)
		}
		if _, err := s.rotator.Rotate(s.ctx, s.tenant); !errors.Is(err, rotation.ErrRotationInProgress) {
			s.Errorf("Rotate meanwhile: %v", err)
		}
		for _, name := range []string{"finishSecret", "finishSecret", "createSecret"} { // two come late
			if err := step(name); err != nil {
				s.Fatalf("%s: %v", name, err)
			}
			s.wantsLabels(token, s.first.VersionID())
			if stages := s.stages(token); !slices.Equal(stages, []string{"AWSCURRENT"}) {
				s.Errorf("after %s the version has the labels %q", name, stages)
			}
		}
		now := s.read()
		if now.VersionID() != token || now.Secret().Equal(s.first.Secret()) {
			s.Error("the newest key is the one before")
		}
		if s.signed(now) != s.signedBy(s.first.Secret()) {
			s.Error("the new key signs before every reader has seen it")
		}
		if err := tenantsecrets.VerifyHMAC(now.Keys(), body, s.signedBy(now.Secret())); err != nil {
			s.Errorf("the new key: %v", err)
		}
		s.wants(rotation.Done)(s.rotator.Rotate(s.ctx, s.tenant))
	})
}

// A revocation does not wait for a rotation that AWS drives, which then cannot end.
func TestRevokeEndsTheFourSteps(t *testing.T) {
	eachRotated(t, func(s *rotated) {
		token := document.RandomVersionID()
		step := s.steps(token)
		if err := step("createSecret"); err != nil {
			s.Fatal(err)
		}
		s.wants(rotation.Done)(s.rotator.Revoke(s.ctx, s.tenant, s.first.VersionID()))
		if stages := s.stages(token); len(stages) != 0 {
			s.Errorf("the pending version has the labels %q", stages)
		}
		current := s.labelled("AWSCURRENT")
		if err := step("finishSecret"); err == nil {
			s.Error("finishSecret succeeded")
		}
		if now := s.labelled("AWSCURRENT"); now != current {
			s.Errorf("version %s is current, want the revocation's %s", now, current)
		}
	})
}

// A rotation that another write came before abandons itself.
func TestFinishAfterAnotherWrite(t *testing.T) {
	eachRotated(t, func(s *rotated) {
		token := document.RandomVersionID()
		step := s.steps(token)
		if err := step("createSecret"); err != nil {
			s.Fatal(err)
		}
		written := document.RandomVersionID()
		text := canonical(s.T, map[string]string{
			"shared_secret": written, "created_at": "2026-01-02T03:04:05.678901", "tenant_id": s.tenant, "version": "1.0",
		})
		if _, err := s.api.PutSecretValue(s.ctx, &secretsmanager.PutSecretValueInput{
			SecretId: aws.String(hmacName(s.tenant)), ClientRequestToken: &written, SecretString: &text,
		}); err != nil {
			s.Fatal(err)
		}
		if err := step("finishSecret"); !errors.Is(err, rotation.ErrAbandoned) {
			s.Errorf("finishSecret: %v", err)
		}
		s.wantsLabels(written, s.first.VersionID())
		if stages := s.stages(token); len(stages) != 0 {
			s.Errorf("the pending version has the labels %q", stages)
		}
		s.wants(rotation.Done)(s.rotator.Rotate(s.ctx, s.tenant))
	})
}
