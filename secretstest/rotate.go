package secretstest

import (
	"context"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go/middleware"
)

// RotateSecret turns rotation on, as the input says or as it was, and rotates
// the secret with the function given to [Backend.RegisterLambda]. The service
// does so some time after its answer; here the function has been called for
// every step when RotateSecret returns, on the caller's goroutine and with a
// context that does not end. As in the service, a step that fails ends the
// rotation, leaves AWSPENDING where it is, and is no error of RotateSecret. A
// caller whose context has ended meanwhile gets that error after the last step.
//
// With RotateImmediately false nothing is rotated: the function gets testSecret
// alone, with a copy of the current value under AWSPENDING, and that version is
// removed after the step.
//
// Rotations do not start by themselves at the NextRotationDate.
func (b *Backend) RotateSecret(
	ctx context.Context, in *secretsmanager.RotateSecretInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.RotateSecretOutput, error) {
	return rotateSecret.invoke(ctx, b, in)
}

var rotateSecret = operation[secretsmanager.RotateSecretInput, secretsmanager.RotateSecretOutput]{
	name: "RotateSecret",
	check: func(c *checks, in *secretsmanager.RotateSecretInput) {
		c.secretID(in.SecretId)
		c.text("ClientRequestToken", in.ClientRequestToken, 32, 64)
		c.text("RotationLambdaARN", in.RotationLambdaARN, 0, 2048)
		c.rotationRules(in.RotationRules)
	},
	subject: func(in *secretsmanager.RotateSecretInput) Call {
		return Call{SecretID: aws.ToString(in.SecretId), VersionID: aws.ToString(in.ClientRequestToken)}
	},
	token:    func(in *secretsmanager.RotateSecretInput) **string { return &in.ClientRequestToken },
	noToken:  invalidParameter,
	metadata: func(out *secretsmanager.RotateSecretOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).rotateSecret,
}

func (r *request) rotateSecret(in *secretsmanager.RotateSecretInput) (*secretsmanager.RotateSecretOutput, error) {
	s, err := r.writable(in.SecretId)
	if err != nil {
		return nil, err
	}
	out := &secretsmanager.RotateSecretOutput{ARN: aws.String(s.arn), Name: aws.String(s.name)}
	token := *in.ClientRequestToken
	used := s.find(token)
	if used != nil && used.announced { // a retry of the call that made the version
		out.VersionId = &token
		return out, nil
	}
	rotation, function, err := r.configure(s, in)
	if err != nil {
		return nil, err
	}
	if used != nil {
		// What the service answers is not recorded; its model has no ResourceExistsException here.
		return nil, invalidRequest(tokenInUseText(token, s.arn))
	}
	s = s.edit(r.date())
	s.rotation = rotation
	later := in.RotateImmediately != nil && !*in.RotateImmediately
	pending := r.newVersion(s, token, s.valueToRotate(later))
	pending.announced = true
	s.place(pending)
	s.attach(stagePending, token)
	if err := s.labelsWithinLimit(); err != nil {
		return nil, err
	}
	r.publish(s)
	turn := &rotationTurn{vault: r.vault, arn: s.arn, name: s.name, token: token, function: function}
	if later {
		r.then = turn.try
		return out, nil
	}
	out.VersionId = &token
	r.then = turn.run
	return out, nil
}

// valueToRotate is the value of a new AWSPENDING version: none, which the
// rotation function is to write, or for a test alone a copy of the current one.
// The copy is what moto's test test_rotate_secret_using_lambda_dont_rotate_immediately,
// verified against AWS, reads there.
func (s *secret) valueToRotate(testAlone bool) value {
	current := s.holder(stageCurrent)
	if !testAlone || current == nil {
		return value{}
	}
	return current.value // values never change, so the versions can share it
}

// configure is the rotation that a call asks for, and its function.
func (r *request) configure(s *secret, in *secretsmanager.RotateSecretInput) (*rotation, RotationFunction, error) {
	configured := rotation{enabled: true, since: r.date()}
	if s.rotation != nil {
		configured = *s.rotation
		configured.enabled = true
	}
	if in.RotationLambdaARN != nil {
		configured.lambda = *in.RotationLambdaARN
	}
	if in.RotationRules != nil {
		rules, err := newRotationRules(in.RotationRules)
		if err != nil {
			return nil, nil, err
		}
		configured.rules = rules
	}
	function := r.backend.lambdas[configured.lambda]
	pending, current := s.holder(stagePending), s.holder(stageCurrent)
	switch {
	case configured.lambda == "":
		return nil, nil, noLambda()
	case pending != nil && pending != current:
		return nil, nil, invalidRequest("A previous rotation isn't complete. That rotation will be reattempted.")
	case function == nil:
		return nil, nil, failure("AccessDeniedException", "Secrets Manager cannot invoke the specified Lambda function. "+
			"Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.")
	}
	return &configured, function, nil
}

func noLambda() error {
	return invalidRequest("No Lambda rotation function ARN is associated with this secret.")
}

// CancelRotateSecret turns rotation off. What a rotation left unfinished stays:
// its version is in the answer.
func (b *Backend) CancelRotateSecret(
	ctx context.Context, in *secretsmanager.CancelRotateSecretInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.CancelRotateSecretOutput, error) {
	return cancelRotateSecret.invoke(ctx, b, in)
}

var cancelRotateSecret = operation[secretsmanager.CancelRotateSecretInput, secretsmanager.CancelRotateSecretOutput]{
	name:  "CancelRotateSecret",
	check: func(c *checks, in *secretsmanager.CancelRotateSecretInput) { c.secretID(in.SecretId) },
	subject: func(in *secretsmanager.CancelRotateSecretInput) Call {
		return Call{SecretID: aws.ToString(in.SecretId)}
	},
	metadata: func(out *secretsmanager.CancelRotateSecretOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).cancelRotateSecret,
}

func (r *request) cancelRotateSecret(in *secretsmanager.CancelRotateSecretInput) (*secretsmanager.CancelRotateSecretOutput, error) {
	s, err := r.writable(in.SecretId)
	if err != nil {
		return nil, err
	}
	if s.rotation == nil {
		return nil, noLambda() // the code is the service model's, that it is these words is not recorded
	}
	s = s.edit(r.date())
	off := *s.rotation
	off.enabled = false
	s.rotation = &off
	r.publish(s)
	out := &secretsmanager.CancelRotateSecretOutput{ARN: aws.String(s.arn), Name: aws.String(s.name)}
	if pending := s.holder(stagePending); pending != nil && pending != s.holder(stageCurrent) {
		out.VersionId = aws.String(pending.id)
	}
	return out, nil
}

var durationPattern = regexp.MustCompile(`^[0-9]+h$`) // from the service model

// rotationRules checks rules against the service model.
func (c *checks) rotationRules(rules *types.RotationRulesType) {
	if rules == nil {
		return
	}
	c.number("rotationRules.automaticallyAfterDays", rules.AutomaticallyAfterDays, 1, 1000)
	c.text("rotationRules.duration", rules.Duration, 2, 3)
	c.text("rotationRules.scheduleExpression", rules.ScheduleExpression, 1, 256)
	if d := rules.Duration; d != nil && !durationPattern.MatchString(*d) {
		c.violate("Value '"+*d+"'", "rotationRules.duration", "Member must satisfy regular expression pattern: [0-9]+h")
	}
}
