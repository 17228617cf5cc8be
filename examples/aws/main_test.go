package main

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"go.uber.org/goleak"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

const (
	tenant      = "t_abc123"
	name        = "prod/formbridge/t_abc123/hmac_key"
	token       = "11111111-2222-4333-8444-555555555555"
	functionARN = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
)

var naming = tenantsecrets.Naming{Environment: "prod", Service: "formbridge"}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// function is the Lambda function, of a Secrets Manager with one tenant.
type function struct {
	lambda.Handler
	backend *secretstest.Backend
}

func newFunction(t *testing.T) *function {
	t.Helper()
	b := secretstest.New()
	c, err := tenantsecrets.New(b, naming)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.CreateTenant(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	handle, err := newHandler(b, naming)
	if err != nil {
		t.Fatal(err)
	}
	return &function{lambda.NewHandler(handle), b}
}

// rotate lets Secrets Manager rotate the secret, with a function that is given the
// events as they come to a Lambda function.
func (f *function) rotate(t *testing.T, invoke func(step string, event []byte) error) {
	t.Helper()
	f.backend.RegisterLambda(functionARN, func(_ context.Context, e secretstest.RotationEvent) error {
		event, err := json.Marshal(e)
		if err != nil {
			return err
		}
		return invoke(e.Step, event)
	})
	if _, err := f.backend.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{
		SecretId: aws.String(name), RotationLambdaARN: aws.String(functionARN), ClientRequestToken: aws.String(token),
	}); err != nil {
		t.Fatal(err)
	}
}

func (f *function) describe(t *testing.T) *secretsmanager.DescribeSecretOutput {
	t.Helper()
	out, err := f.backend.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(name)})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRotation(t *testing.T) {
	f := newFunction(t)
	f.rotate(t, func(step string, event []byte) error {
		answer, err := f.Invoke(t.Context(), event)
		if err != nil || string(answer) != "null" {
			t.Errorf("%s answered %s, error %v", step, answer, err)
		}
		return err
	})
	d := f.describe(t)
	if got := d.VersionIdsToStages[token]; !slices.Equal(got, []string{"AWSCURRENT"}) {
		t.Errorf("the new version is labelled %v", got)
	}
	if d.LastRotatedDate == nil {
		t.Error("Secrets Manager does not take the rotation for complete")
	}
}

// TestPermissions holds the package comment to what is called.
func TestPermissions(t *testing.T) {
	f := newFunction(t)
	f.backend.ClearCalls()
	f.rotate(t, func(_ string, event []byte) error {
		_, err := f.Invoke(t.Context(), event)
		return err
	})
	used := map[string]bool{}
	for _, call := range f.backend.Calls() {
		used[call.Operation] = true
	}
	delete(used, "RotateSecret") // the caller's
	documented := []string{"DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"}
	if got := slices.Sorted(maps.Keys(used)); !slices.Equal(got, documented) {
		t.Errorf("called %v, documented %v", got, documented)
	}
}

// TestEventOfTheUserGuide invokes the function with an event as the user guide prints it,
// in the newer spelling and with a member that no version of it has.
func TestEventOfTheUserGuide(t *testing.T) {
	f := newFunction(t)
	f.rotate(t, func(string, []byte) error { return errors.New("not taken") })
	event := `{
		"Step": "create_secret",
		"SecretId": "` + *f.describe(t).ARN + `",
		"ClientRequestToken": "` + token + `",
		"RotationToken": "00000000-1111-4222-8333-444444444444",
		"Unknown": {"of": ["a", "later", "day"]}
	}`
	if _, err := f.Invoke(t.Context(), []byte(event)); err != nil {
		t.Error(err)
	}
}

func TestAnswerToAnEventThatDoesNotFit(t *testing.T) {
	f := newFunction(t)
	f.rotate(t, func(string, []byte) error { return errors.New("not taken") })
	event := strings.NewReplacer("ARN", *f.describe(t).ARN, "TOKEN", token).
		Replace(`{"Step":"burnSecret","SecretId":"ARN","ClientRequestToken":"TOKEN","RotationToken":"00000000-1111-4222-8333-444444444444"}`)
	_, err := f.Invoke(t.Context(), []byte(event))
	if err == nil || !strings.Contains(err.Error(), "burnSecret") || strings.Contains(err.Error(), "00000000-1111-4222-8333-444444444444") {
		t.Errorf("error %v", err)
	}
}

func TestWithoutAnEnvironment(t *testing.T) {
	if _, err := newHandler(secretstest.New(), tenantsecrets.Naming{Service: "formbridge"}); !errors.Is(err, tenantsecrets.ErrInvalidName) {
		t.Errorf("error %v", err)
	}
}
