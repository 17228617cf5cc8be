package secretstest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// RotationEvent is what the service calls a rotation function with, once for
// each step. As JSON it is the event of a Lambda function.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
type RotationEvent struct {
	Step               string // createSecret, setSecret, testSecret, finishSecret
	SecretID           string `json:"SecretId"` // the secret's ARN
	ClientRequestToken string // the id of the AWSPENDING version
	RotationToken      string // for PutSecretValue; the same in all steps
}

// Format prints the event without its RotationToken, whatever the verb.
func (e RotationEvent) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{Step:%s SecretID:%s ClientRequestToken:%s RotationToken:redacted}", e.Step, e.SecretID, e.ClientRequestToken)
}

// LogValue is what Format prints.
func (e RotationEvent) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(e)) }

// RotationFunction stands for the Lambda function that rotates a secret. It may
// call the backend.
type RotationFunction func(context.Context, RotationEvent) error

// RegisterLambda makes f what is invoked for a RotationLambdaARN. Of several for
// one ARN the last counts; nil takes it away.
func (b *Backend) RegisterLambda(arn string, f RotationFunction) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f == nil {
		delete(b.lambdas, arn)
		return
	}
	b.lambdas[arn] = f
}

// rotation is how a secret is rotated. It is as immutable as the secret's
// states.
type rotation struct {
	enabled bool
	lambda  string
	rules   rotationRules
	rotated time.Time // when a rotation last completed; zero: never
	since   time.Time // what the next rotation's date counts from
}

// rotationTurn is one rotation in progress.
type rotationTurn struct {
	vault            *vault
	arn, name, token string
	function         RotationFunction
}

// run takes every step. The rotation is complete if its version is then the
// current one.
func (t *rotationTurn) run(ctx context.Context, b *Backend) error {
	if !t.steps(ctx, "createSecret", "setSecret", "testSecret", "finishSecret") {
		return canceled(ctx)
	}
	t.edit(b, func(s *secret, now time.Time) {
		if v := s.holder(stageCurrent); v != nil && v.id == t.token {
			s.rotation = s.rotation.completed(now)
		}
	})
	return canceled(ctx)
}

// try takes the step that tests the configuration. Afterwards it takes AWSPENDING
// off, and removes the version that was made for the test, unless the function
// has given it another label. It does both after a failed test too, which is not
// recorded.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
func (t *rotationTurn) try(ctx context.Context, b *Backend) error {
	t.steps(ctx, "testSecret")
	t.edit(b, func(s *secret, _ time.Time) {
		if v := s.find(t.token); v != nil && v.has(stagePending) {
			s.detach(stagePending)
		}
		s.versions = slices.DeleteFunc(s.versions, func(v *version) bool { return v.id == t.token && len(v.stages) == 0 })
	})
	return canceled(ctx)
}

func (t *rotationTurn) steps(ctx context.Context, steps ...string) (done bool) {
	event := RotationEvent{SecretID: t.arn, ClientRequestToken: t.token, RotationToken: newUUID()}
	for _, event.Step = range steps {
		if t.function(context.WithoutCancel(ctx), event) != nil {
			return false
		}
	}
	return true
}

// edit changes the secret, if the steps have left it there.
func (t *rotationTurn) edit(b *Backend, change func(*secret, time.Time)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &request{backend: b, vault: t.vault, now: b.clock()}
	s, err := r.writable(&t.arn)
	if err != nil {
		return
	}
	s = s.edit(r.date())
	change(s, r.date())
	r.publish(s)
}

func (r rotation) completed(now time.Time) *rotation {
	r.rotated, r.since = now, now
	return &r
}

// restart counts the time to the next rotation from a value written by hand,
// which the service takes for a rotation.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotationRulesType.html
func (s *secret) restart(now time.Time) {
	if s.rotation != nil {
		restarted := *s.rotation
		restarted.since = now
		s.rotation = &restarted
	}
}

// rotationMembers is what answers say of a secret's rotation; nothing, if there
// never was one.
type rotationMembers struct {
	enabled       *bool
	lambda        *string
	rules         *types.RotationRulesType
	rotated, next *time.Time
}

func (s *secret) rotationMembers() rotationMembers {
	if s.rotation == nil {
		return rotationMembers{}
	}
	r := *s.rotation
	members := rotationMembers{enabled: &r.enabled, lambda: &r.lambda, rules: r.rules.answer(), rotated: presentDate(r.rotated)}
	if r.enabled {
		members.next = presentDate(r.rules.next(r.since))
	}
	return members
}
