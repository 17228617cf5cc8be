package rotation_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// accepting is a target system that takes everything.
type accepting struct{}

func (accepting) Set(context.Context, rotation.Change) error  { return nil }
func (accepting) Test(context.Context, rotation.Change) error { return nil }

func TestFarSidesThatHandlerRefuses(t *testing.T) {
	whole := rotation.FarSide{SecretType: "api_key", Setter: accepting{}, Tester: accepting{}}
	for name, farSides := range map[string][]rotation.FarSide{
		"no type":   {{Setter: accepting{}, Tester: accepting{}}},
		"no setter": {{SecretType: "api_key", Tester: accepting{}}},
		"no tester": {{SecretType: "api_key", Setter: accepting{}}},
		"two":       {whole, whole},
		"HMAC keys": {{SecretType: "hmac_key", Member: "shared_secret", Setter: accepting{}, Tester: accepting{}}},
	} {
		if h, err := newService(t).rotator.Handler(farSides...); !errors.Is(err, tenantsecrets.ErrInvalidOption) || h != nil {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// checkNoWrites wants nothing to have been written since the log was cleared.
func (d *stepwise) checkNoWrites() {
	d.Helper()
	for _, call := range d.backend.Calls() {
		if call.Operation == "PutSecretValue" || call.Operation == "UpdateSecretVersionStage" {
			d.Errorf("wrote: %+v", call)
		}
	}
}

func TestEventsThatDoNotFit(t *testing.T) {
	const other = "99999999-2222-4333-8444-555555555555"
	for name, test := range map[string]struct {
		change func(d *stepwise, e *rotation.Event)
		want   error
	}{
		"no step":       {func(_ *stepwise, e *rotation.Event) { e.Step = "" }, rotation.ErrStep},
		"a step's case": {func(_ *stepwise, e *rotation.Event) { e.Step = strings.ToLower(e.Step) }, rotation.ErrStep},
		"no secret":     {func(_ *stepwise, e *rotation.Event) { e.SecretID = "" }, rotation.ErrStep},
		"a secret's name": {func(d *stepwise, e *rotation.Event) {
			e.SecretID = d.name
		}, rotation.ErrStep},
		"an ARN of another service": {func(_ *stepwise, e *rotation.Event) {
			e.SecretID = "arn:aws:sqs:us-east-1:123456789012:queue"
		}, rotation.ErrStep},
		"an ARN of nothing": {func(_ *stepwise, e *rotation.Event) {
			e.SecretID = "arn:aws:secretsmanager:us-east-1:123456789012:secret:-abcdef"
		}, rotation.ErrStep},
		"an ARN without its suffix": {func(_ *stepwise, e *rotation.Event) {
			e.SecretID = e.SecretID[:len(e.SecretID)-len("-abcdef")]
		}, rotation.ErrStep}, // it ends in another path then
		"another suffix": {func(_ *stepwise, e *rotation.Event) {
			e.SecretID = e.SecretID[:len(e.SecretID)-len("abcdef")] + "abcdef"
		}, tenantsecrets.ErrNotFound},
		"another tenant": {func(d *stepwise, e *rotation.Event) {
			e.SecretID = d.tenantARN("t_other")
		}, rotation.ErrStep},
		"an unknown tenant": {func(_ *stepwise, e *rotation.Event) {
			e.SecretID = strings.ReplaceAll(e.SecretID, tenant, "t_nobody")
		}, tenantsecrets.ErrNotFound},
		"another environment": {func(_ *stepwise, e *rotation.Event) {
			e.SecretID = strings.ReplaceAll(e.SecretID, ":prod/", ":test/")
		}, tenantsecrets.ErrInvalidName},
		"the global space": {func(_ *stepwise, e *rotation.Event) {
			e.SecretID = strings.ReplaceAll(e.SecretID, tenant, tenantsecrets.Global)
		}, rotation.ErrStep},
		"a type without target system": {func(_ *stepwise, e *rotation.Event) {
			e.SecretID = strings.ReplaceAll(e.SecretID, "hmac_key", "destinations/webhook1/api_key")
		}, rotation.ErrStep},
		"a type that ends like an ARN": {func(_ *stepwise, e *rotation.Event) {
			e.SecretID = strings.ReplaceAll(e.SecretID, "hmac_key", "app-secret")
		}, tenantsecrets.ErrInvalidName},
		"no token":         {func(_ *stepwise, e *rotation.Event) { e.ClientRequestToken = "" }, rotation.ErrStep},
		"an unknown token": {func(_ *stepwise, e *rotation.Event) { e.ClientRequestToken = other }, rotation.ErrStep},
		"a token of a version that is not pending": {func(d *stepwise, e *rotation.Event) {
			e.ClientRequestToken = d.putForeign()
			d.putForeign()
		}, rotation.ErrStep},
		"rotation turned off": {func(d *stepwise, _ *rotation.Event) {
			if _, err := d.backend.CancelRotateSecret(d.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: &d.name}); err != nil {
				d.Fatal(err)
			}
		}, rotation.ErrStep},
		"the label taken off": {func(d *stepwise, _ *rotation.Event) { d.move(stagePending, "") }, rotation.ErrStep},
		"a tag of another tenant": {func(d *stepwise, _ *rotation.Event) {
			d.tag("TenantId", "t_other")
		}, tenantsecrets.ErrWrongTenant},
		"a tag of another type": {func(d *stepwise, _ *rotation.Event) {
			d.tag("SecretType", "api_key")
		}, tenantsecrets.ErrWrongTenant},
		"scheduled for deletion": {func(d *stepwise, _ *rotation.Event) {
			if _, err := d.backend.DeleteSecret(d.Context(), &secretsmanager.DeleteSecretInput{SecretId: &d.name}); err != nil {
				d.Fatal(err)
			}
		}, tenantsecrets.ErrPendingDeletion},
	} {
		t.Run(name, func(t *testing.T) {
			for _, step := range fourSteps {
				inBubble(t, func(s *service) {
					d := newSteps(s, "hmac_key")
					d.begin()
					e := d.event
					e.Step = step
					test.change(d, &e)
					d.backend.ClearCalls()
					if err := d.handle(d.Context(), e); !errors.Is(err, test.want) {
						t.Errorf("%s: error %v, want %v", step, err, test.want)
					}
					d.checkNoWrites()
				})
			}
		})
	}
}

// tenantARN makes another tenant, and returns the ARN of its secret.
func (d *stepwise) tenantARN(id string) string {
	d.Helper()
	s, err := d.client.CreateTenant(d.Context(), id)
	if err != nil {
		d.Fatal(err)
	}
	out, err := d.backend.DescribeSecret(d.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(s.Name())})
	if err != nil {
		d.Fatal(err)
	}
	return *out.ARN
}

func (d *stepwise) tag(key, value string) {
	d.Helper()
	if _, err := d.backend.TagResource(d.Context(), &secretsmanager.TagResourceInput{
		SecretId: &d.name, Tags: []types.Tag{{Key: &key, Value: &value}},
	}); err != nil {
		d.Fatal(err)
	}
}

// TestSecretOfAnotherPlace holds a handler to the account and Region that its client is
// told of.
func TestSecretOfAnotherPlace(t *testing.T) {
	for name, change := range map[string]func(*tenantsecrets.Options){
		"account":   func(o *tenantsecrets.Options) { o.Account = "999999999999" },
		"Region":    func(o *tenantsecrets.Options) { o.Region = "eu-central-1" },
		"partition": func(o *tenantsecrets.Options) { o.Partition = "aws-cn" },
	} {
		inSteps(t, func(d *stepwise) {
			c, err := tenantsecrets.New(d.backend, naming, change)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			r, err := rotation.New(c, d.backend)
			if err != nil {
				t.Fatal(err)
			}
			if d.handle, err = r.Handler(); err != nil {
				t.Fatal(err)
			}
			d.backend.ClearCalls()
			for _, step := range fourSteps {
				d.wantsError(step, tenantsecrets.ErrWrongTenant)
			}
			d.checkNoWrites()
			if t.Failed() {
				t.Log(name)
			}
		})
	}
}

// TestSecretOfAnotherAccount gives a handler the ARN of a secret of the same name
// elsewhere.
func TestSecretOfAnotherAccount(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		d.event.SecretID = strings.ReplaceAll(d.event.SecretID, ":123456789012:", ":999999999999:")
		d.backend.ClearCalls()
		for _, step := range fourSteps {
			if err := d.take(step); err == nil {
				t.Errorf("%s was taken", step)
			}
		}
		d.checkNoWrites()
	})
}

// suffixed answers with an ARN of another suffix, as of a secret that was made again.
type suffixed struct{ *secretstest.Backend }

func (s suffixed) DescribeSecret(
	ctx context.Context, in *secretsmanager.DescribeSecretInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.DescribeSecretOutput, error) {
	out, err := s.Backend.DescribeSecret(ctx, in)
	if err == nil {
		out.ARN = aws.String((*out.ARN)[:len(*out.ARN)-len("abcdef")] + "abcdef")
	}
	return out, err
}

func TestAnswerAboutASecretMadeAgain(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		d.rewire(suffixed{d.backend})
		d.backend.ClearCalls()
		for _, step := range fourSteps {
			d.wantsError(step, rotation.ErrStep)
		}
		d.checkNoWrites()
	})
}

// rewire gives the handler another API.
func (d *stepwise) rewire(api rotation.API, farSides ...rotation.FarSide) {
	d.Helper()
	r, err := rotation.New(d.client, api)
	if err != nil {
		d.Fatal(err)
	}
	if d.handle, err = r.Handler(farSides...); err != nil {
		d.Fatal(err)
	}
}

func TestBothSpellings(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		d.mustTake("create_secret", "set_secret", "test_secret", "finish_secret")
		d.checkComplete()
		d.begin()
		d.mustTake("createSecret", "set_secret", "testSecret", "finish_secret")
		d.checkComplete()
	})
}

// TestEveryStepRepeated takes every step three times, and all of them again when the
// version is current: from then on they succeed and write nothing.
func TestEveryStepRepeated(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		for _, step := range fourSteps {
			d.mustTake(step)
			made := d.value(d.event.ClientRequestToken)
			d.backend.ClearCalls()
			d.mustTake(step, step)
			d.checkNoWrites()
			if d.value(d.event.ClientRequestToken) != made {
				t.Errorf("%s, repeated, made another version", step)
			}
		}
		d.checkComplete()
		d.backend.ClearCalls()
		d.mustTake(slices.Concat(fourSteps, fourSteps)...)
		d.checkNoWrites()
		d.checkComplete()
	})
}

// TestRotationAfterRotation also ends with every key live.
func TestRotationAfterRotation(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		var signatures []string
		for range 6 {
			d.mustTake(fourSteps...)
			d.checkComplete()
			signatures = append(signatures, d.sign(d.event.ClientRequestToken))
			d.begin()
		}
		for i, signature := range signatures {
			if err := d.verify(signature); err != nil {
				t.Errorf("a signature with the key of rotation %d: %v", i, err)
			}
		}
	})
}

func TestNoRoomForAnotherKey(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		for range 7 {
			d.mustTake(fourSteps...)
			d.begin()
		}
		d.wantsError("createSecret", rotation.ErrTooManyKeys)
		d.checkNotPromoted()
	})
}

// TestDestinationsKeyIsRotatedToo is about an HMAC secret at another path.
func TestDestinationsKeyIsRotatedToo(t *testing.T) {
	inBubble(t, func(s *service) {
		d := newSteps(s, "destinations/webhook1/hmac_key")
		d.store(`{"shared_secret":"` + strings.Repeat("k", 43) + `","created_at":"2026-01-01T00:00:00Z","tenant_id":"t_abc123","version":"1.0"}`)
		before, err := tenantsecrets.Get(d.Context(), d.client, tenant, tenantsecrets.DestinationHMACKey("webhook1"))
		if err != nil {
			t.Fatal(err)
		}
		signature, err := tenantsecrets.SignHMAC(before, signedByFirst)
		if err != nil {
			t.Fatal(err)
		}
		d.begin()
		d.mustTake(fourSteps...)
		if err := d.client.Invalidate(tenant); err != nil {
			t.Fatal(err)
		}
		after, err := tenantsecrets.Get(d.Context(), d.client, tenant, tenantsecrets.DestinationHMACKey("webhook1"))
		if err != nil {
			t.Fatal(err)
		}
		if err := tenantsecrets.VerifyHMAC(after, signedByFirst, signature); err != nil {
			t.Errorf("the key before: %v", err)
		}
		if err := tenantsecrets.VerifyHMAC(after, signedByFirst, d.sign(d.event.ClientRequestToken)); err != nil {
			t.Errorf("the new key: %v", err)
		}
	})
}

// store makes the secret.
func (d *stepwise) store(text string) {
	d.Helper()
	if _, err := d.backend.CreateSecret(d.Context(), &secretsmanager.CreateSecretInput{
		Name: &d.name, SecretString: &text,
	}); err != nil {
		d.Fatal(err)
	}
}
