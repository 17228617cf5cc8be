package conformance

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/secretstest"
)

// later is daily, with the first rotation on the schedule's next date.
func later() secretsmanager.RotateSecretInput {
	in := daily()
	in.RotateImmediately = aws.Bool(false)
	return in
}

// rotatingLater is what RotateSecret does with RotateImmediately false.
var rotatingLater = []behaviour{
	{"RotateSecret later only tests, with the current value as AWSPENDING", verified("moto test_rotate_secret_using_lambda_dont_rotate_immediately"), func(c *check) {
		val := token()
		v1 := *c.create(val).VersionId
		var steps []string
		c.lambda(func(_ context.Context, event secretstest.RotationEvent) error {
			steps = append(steps, event.Step)
			c.stages(map[string][]string{v1: {"AWSCURRENT"}, event.ClientRequestToken: {"AWSPENDING"}})
			got, err := c.getVersion("", "AWSPENDING")
			c.must(err)
			c.same("pending", []any{got.VersionId, got.VersionStages, got.SecretString}, []any{event.ClientRequestToken, []string{"AWSPENDING"}, val})
			return nil
		})
		c.rotateWith(later())
		c.same("steps", steps, []string{"testSecret"})
		now := c.get()
		c.same("current", []any{now.VersionId, now.SecretString}, []any{v1, val})
	}},
	{"RotateSecret later tests with bytes too", ours, func(c *check) {
		val := []byte(token())
		c.createWith(secretsmanager.CreateSecretInput{SecretBinary: val})
		c.lambda(func(context.Context, secretstest.RotationEvent) error {
			got, err := c.getVersion("", "AWSPENDING")
			c.must(err)
			c.same("pending", []any{got.SecretString, got.SecretBinary}, []any{nil, val})
			return nil
		})
		c.rotateWith(later())
	}},
	{"RotateSecret later removes the version it tested with", documented("apireference/API_RotateSecret.html (RotateImmediately)"), func(c *check) {
		v1 := *c.create(token()).VersionId
		for _, result := range []error{nil, errors.New("the test fails")} {
			c.lambda(func(context.Context, secretstest.RotationEvent) error { return result })
			c.rotateWith(later())
			c.stages(map[string][]string{v1: {"AWSCURRENT"}})
			c.same("versions", len(c.listVersions(true).Versions), 1)
			_, err := c.getVersion("", "AWSPENDING")
			c.noValueFor(err, "staging label: AWSPENDING")
			c.same("rotation", []any{c.describe().RotationEnabled, c.describe().LastRotatedDate}, []any{true, nil})
		}
		c.lambda(c.template)
		v2 := *c.rotateWith(secretsmanager.RotateSecretInput{}).VersionId
		c.stages(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT", "AWSPENDING"}})
	}},
	{"RotateSecret later of a secret without a value tests without one", ours, func(c *check) {
		c.createWith(secretsmanager.CreateSecretInput{})
		tested := false
		c.lambda(func(context.Context, secretstest.RotationEvent) error {
			tested = true
			_, err := c.getVersion("", "AWSPENDING")
			c.noValueFor(err, "staging label: AWSPENDING")
			return nil
		})
		c.rotateWith(later())
		c.same("tested", tested, true)
		c.same("versions", len(c.listVersions(true).Versions), 0)
	}},
	{"RotateSecret later has a version with a value, whose token takes no other", documented("apireference/API_PutSecretValue.html (ClientRequestToken)"), func(c *check) {
		val := token()
		c.create(val)
		put := func(ctx context.Context, event secretstest.RotationEvent, text string) error {
			_, err := c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
				SecretId: &event.SecretID, ClientRequestToken: &event.ClientRequestToken, SecretString: &text, VersionStages: []string{"AWSPENDING"},
			})
			return err
		}
		c.lambda(func(ctx context.Context, event secretstest.RotationEvent) error {
			c.must(put(ctx, event, val))
			c.code(put(ctx, event, token()), "ResourceExistsException")
			return nil
		})
		c.rotateWith(later())
	}},
	{"RotateSecret later leaves what its function made current", ours, func(c *check) {
		v1 := *c.create(token()).VersionId
		val, made := c.get().SecretString, ""
		c.lambda(func(_ context.Context, event secretstest.RotationEvent) error {
			made = event.ClientRequestToken
			return c.move("AWSCURRENT", made, v1)
		})
		c.rotateWith(later())
		c.stages(map[string][]string{v1: {"AWSPREVIOUS"}, made: {"AWSCURRENT"}})
		c.same("value", c.get().SecretString, val)
	}},
}
