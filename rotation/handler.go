package rotation

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/reader"
	"github.com/formbridge/tenantsecrets/internal/writer"
)

// Event is what Secrets Manager calls a rotation function with, once for each step. It
// is the event of a Lambda function, in the form that aws-lambda-go reads. It prints
// without its RotationToken.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
type Event struct {
	Step               string `json:"Step"`               // createSecret, setSecret, testSecret, finishSecret
	SecretID           string `json:"SecretId"`           // the secret's ARN
	ClientRequestToken string `json:"ClientRequestToken"` // the id of the version to prepare
	RotationToken      string `json:"RotationToken"`      // goes with what is put, and nowhere else
}

// Format prints the event without its RotationToken, whatever the verb.
func (e Event) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{Step:%s SecretID:%s ClientRequestToken:%s}", e.Step, e.SecretID, e.ClientRequestToken)
}

// MarshalText is what Format prints, so that no logger writes it as JSON.
func (e Event) MarshalText() ([]byte, error) { return fmt.Append(nil, e), nil }

// LogValue is what Format prints.
func (e Event) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(e)) }

// Handler returns the function that a Lambda of AWS-driven rotation is, for HMAC
// secrets of the client's tenants, and for those that the target systems are of. Every step
// may be called any number of times, after any other, and by two at once. A step that
// fails is tried again by Secrets Manager; what cannot succeed any more is
// ErrAbandoned. The grace is that of [Options]. The error of Handler is ErrInvalidOption,
// that of the function a *tenantsecrets.Error.
//
// Where rotation is turned on without rotating at once (RotateImmediately = false,
// rotate_immediately in Terraform), Secrets Manager calls testSecret alone, on a pending
// version that is a copy of the current one. Then the current value is tested: that it can
// be read and rotated, and that the target system accepts it. Nothing is changed.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
func (r *Rotator) Handler(farSides ...FarSide) (func(context.Context, Event) error, error) {
	of := map[string]FarSide{}
	for _, f := range farSides {
		if err := f.complete(); err != nil {
			return nil, fmt.Errorf("rotation: Handler: %w", err)
		}
		if _, twice := of[f.SecretType]; twice {
			return nil, fmt.Errorf("rotation: Handler: %w: two target systems of %s", tenantsecrets.ErrInvalidOption, f.SecretType)
		}
		of[f.SecretType] = f
	}
	return func(ctx context.Context, e Event) error {
		t, op := turn{Rotator: r, event: e}, e.Step
		if steps[op] == nil {
			op = "Handler" // the error's text quotes what there was instead
		}
		err := t.take(ctx, of)
		return failed(op, t.Secret, err)
	}, nil
}

// turn is one step of one rotation.
type turn struct {
	*Rotator
	writer.Secret
	event     Event
	described reader.Description
	maker     maker
}

// maker is what differs between the kinds of secrets that are rotated.
type maker interface {
	// create makes the pending document out of what is current.
	create(ctx context.Context, t *turn) (string, error)

	// set makes the pending secret known where it must be.
	set(ctx context.Context, t *turn, pending string) error

	// test tells whether the pending secret may become current.
	test(ctx context.Context, t *turn, pending string) error

	// testCurrent tells whether the current secret is one that could be rotated.
	testCurrent(ctx context.Context, t *turn, current string) error
}

// steps by their names: the second spelling is that of newer pages of the user guide.
var steps = map[string]func(*turn, context.Context) error{
	"createSecret": (*turn).create, "create_secret": (*turn).create,
	"setSecret": (*turn).set, "set_secret": (*turn).set,
	"testSecret": (*turn).test, "test_secret": (*turn).test,
	"finishSecret": (*turn).finish, "finish_secret": (*turn).finish,
}

func (t *turn) take(ctx context.Context, farSides map[string]FarSide) error {
	step := steps[t.event.Step]
	if step == nil {
		return fmt.Errorf("%w: there is no step %+q", ErrStep, t.event.Step)
	}
	if err := t.find(farSides); err != nil {
		return err
	}
	var err error
	if t.described, err = t.writer.Describe(ctx, t.Secret, t.begin(t.Secret)); err != nil {
		return err
	}
	d, token := &t.described, t.event.ClientRequestToken
	switch {
	case d.ARN != t.event.SecretID:
		return fmt.Errorf("%w: it is of another secret of the same name", ErrStep)
	case !d.Rotates:
		return fmt.Errorf("%w: rotation is not turned on", ErrStep)
	case d.Current == token && d.Pending == token:
		return t.dropPending(ctx, t.Secret, d.ARN, token) // of a step that was repeated
	case d.Current == token:
		return nil
	case d.Pending != token:
		return fmt.Errorf("%w: the version is not AWSPENDING", ErrStep)
	}
	return step(t, ctx)
}

// find tells which secret it is, and who makes the next version of it.
func (t *turn) find(farSides map[string]FarSide) error {
	a, err := arn.Parse(t.event.SecretID)
	name, ok := strings.CutPrefix(a.Resource, "secret:")
	if err != nil || !ok || len(name) <= arnSuffix {
		return fmt.Errorf("%w: SecretId is not the ARN of a secret", ErrStep)
	}
	t.ARN = t.event.SecretID
	t.Name = name[:len(name)-arnSuffix]
	if t.Tenant, t.Path, err = t.naming.Parse(t.Name); err != nil {
		return err
	}
	far, ok := farSides[t.Type()]
	switch {
	case ok:
		t.maker = &far
	case t.Type() == hmacKey && t.Tenant != tenantsecrets.Global:
		t.maker = keys{}
	default:
		return fmt.Errorf("%w: nobody rotates secrets of type %s: give a FarSide", ErrStep, t.Type())
	}
	return nil
}

const arnSuffix = len("-abcdef") // an ARN ends in a hyphen and six random characters
