package rotation_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

const tenant = "t_abc123"

var naming = tenantsecrets.Naming{Environment: "prod", Service: "formbridge"}

// service is a client and a rotator of one Secrets Manager, with one tenant.
type service struct {
	*testing.T
	backend *secretstest.Backend
	client  *tenantsecrets.Client
	rotator *rotation.Rotator
}

func newService(t *testing.T) *service {
	t.Helper()
	b := secretstest.New()
	c, err := tenantsecrets.New(b, naming)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.CreateTenant(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	r, err := rotation.New(c, b)
	if err != nil {
		t.Fatal(err)
	}
	return &service{t, b, c, r}
}

// wants fails the test unless a call came to an outcome.
func (s *service) wants(outcome rotation.Outcome) func(rotation.Result, error) rotation.Result {
	return func(result rotation.Result, err error) rotation.Result {
		s.Helper()
		if err != nil || result.Outcome != outcome {
			s.Fatalf("%v, error %v, want %v", result.Outcome, err, outcome)
		}
		return result
	}
}

func inBubble(t *testing.T, test func(s *service)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newService(t)) })
}

func TestRotateWritesOnce(t *testing.T) {
	inBubble(t, func(s *service) {
		s.backend.ClearCalls()
		result := s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
		if len(result.Keys) != 2 || result.Keys[0].KID != result.VersionID {
			s.Errorf("keys %+v", result.Keys)
		}
		now := time.Now()
		if at := result.Keys[0].SignAfter; !at.Equal(now.Add(time.Hour + 5*time.Minute).UTC()) {
			s.Errorf("signs after %v, now %v", at, now)
		}
		if got := len(s.backend.Calls()); got != 3 {
			s.Errorf("%d calls, want 3: %v", got, s.backend.Calls())
		}
	})
}

func TestAnEighthRotationIsRefused(t *testing.T) {
	inBubble(t, func(s *service) {
		for range 7 {
			s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
			time.Sleep(time.Minute)
		}
		if _, err := s.rotator.Rotate(s.Context(), tenant); !errors.Is(err, rotation.ErrTooManyKeys) {
			s.Errorf("error %v", err)
		}
		time.Sleep(48 * time.Hour)
		s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
	})
}

func TestHandlerRotates(t *testing.T) {
	inBubble(t, func(s *service) {
		h, err := s.rotator.Handler()
		if err != nil {
			t.Fatal(err)
		}
		arn := "arn:aws:lambda:us-east-1:123456789012:function:rotate"
		s.backend.RegisterLambda(arn, func(ctx context.Context, e secretstest.RotationEvent) error {
			return h(ctx, rotation.Event(e))
		})
		name, err := naming.Build(tenant, "hmac_key")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.backend.RotateSecret(s.Context(), rotateInput(name, arn)); err != nil {
			t.Fatal(err)
		}
		versions, err := s.rotator.Versions(s.Context(), tenant)
		if err != nil || len(versions) != 2 || versions[0].ID != token && versions[1].ID != token {
			t.Errorf("versions %+v, error %v", versions, err)
		}
	})
}

const token = "11111111-2222-4333-8444-555555555555"

func rotateInput(name, arn string) *secretsmanager.RotateSecretInput {
	return &secretsmanager.RotateSecretInput{SecretId: &name, RotationLambdaARN: &arn, ClientRequestToken: aws.String(token)}
}
