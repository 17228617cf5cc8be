package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets/secretstest"
)

const lambdaARN = "arn:aws:lambda:us-east-1:123456789012:function:rotate"

// lambda registers a rotation function for lambdaARN.
func (c *check) lambda(f secretstest.RotationFunction) {
	if c.target.Lambda == nil {
		panic(uncheckable{})
	}
	c.target.Lambda(lambdaARN, f)
}

// rotateWith rotates c.name.
func (c *check) rotateWith(in secretsmanager.RotateSecretInput) *secretsmanager.RotateSecretOutput {
	out, err := c.rotate(in)
	c.must(err)
	return out
}

func (c *check) rotate(in secretsmanager.RotateSecretInput) (*secretsmanager.RotateSecretOutput, error) {
	in.SecretId = &c.name
	return c.RotateSecret(c.ctx, &in)
}

// daily is rotation set up for the first time.
func daily() secretsmanager.RotateSecretInput {
	return secretsmanager.RotateSecretInput{RotationLambdaARN: aws.String(lambdaARN), RotationRules: everyDays(1)}
}

func everyDays(n int64) *types.RotationRulesType {
	return &types.RotationRulesType{AutomaticallyAfterDays: &n}
}

func expression(text string) *types.RotationRulesType {
	return &types.RotationRulesType{ScheduleExpression: &text}
}

// template is a rotation function with the steps of the service's own template:
// a new value under AWSPENDING, and AWSCURRENT moved to it at the end.
func (c *check) template(ctx context.Context, event secretstest.RotationEvent) error {
	switch event.Step {
	case "createSecret":
		if _, err := c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &event.SecretID, VersionStage: aws.String("AWSCURRENT")}); err != nil {
			return err
		}
		_, err := c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
			SecretId: &event.SecretID, VersionId: &event.ClientRequestToken, VersionStage: aws.String("AWSPENDING"),
		})
		if !errors.As(err, new(*types.ResourceNotFoundException)) {
			return fmt.Errorf("the version has a value: %w", err)
		}
		_, err = c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
			SecretId: &event.SecretID, ClientRequestToken: &event.ClientRequestToken, RotationToken: &event.RotationToken,
			SecretString: aws.String(token()), VersionStages: []string{"AWSPENDING"},
		})
		return err
	case "finishSecret":
		d, err := c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &event.SecretID})
		if err != nil {
			return err
		}
		for id, stages := range d.VersionIdsToStages {
			if slices.Contains(stages, "AWSCURRENT") {
				_, err = c.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
					SecretId: &event.SecretID, VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: &event.ClientRequestToken, RemoveFromVersionId: &id,
				})
			}
		}
		return err
	}
	return nil
}

// rotates replays the recorded rotation.
func rotates(parameter string, in secretsmanager.RotateSecretInput) behaviour {
	return behaviour{"RotateSecret rotates at once, RotateImmediately " + parameter, recorded("test_rotate_secret_with_lambda_success[" + parameter + "]"), func(c *check) {
		made := c.createWith(secretsmanager.CreateSecretInput{SecretString: aws.String(token()), Description: aws.String("testing rotation of secrets")})
		c.lambda(c.template)
		in.ClientRequestToken = nil
		out := c.rotateWith(in)
		c.same("rotated", out, &secretsmanager.RotateSecretOutput{ARN: made.ARN, Name: made.Name, VersionId: out.VersionId})
		d := c.describe()
		c.same("described", d, &secretsmanager.DescribeSecretOutput{
			ARN: made.ARN, Name: made.Name, Description: aws.String("testing rotation of secrets"),
			CreatedDate: d.CreatedDate, LastChangedDate: d.LastChangedDate, LastAccessedDate: d.LastAccessedDate,
			LastRotatedDate: d.LastRotatedDate, NextRotationDate: d.NextRotationDate,
			RotationEnabled: aws.Bool(true), RotationLambdaARN: aws.String(lambdaARN), RotationRules: everyDays(1),
			VersionIdsToStages: map[string][]string{*out.VersionId: {"AWSCURRENT", "AWSPENDING"}, *made.VersionId: {"AWSPREVIOUS"}},
		})
		if d.LastAccessedDate == nil || d.LastRotatedDate == nil || d.NextRotationDate == nil {
			c.errorf("dates %v %v %v", d.LastAccessedDate, d.LastRotatedDate, d.NextRotationDate)
		}
		c.versions(version{*made.VersionId, []string{"AWSPREVIOUS"}, true}, version{id: *out.VersionId, stages: []string{"AWSCURRENT", "AWSPENDING"}})
	}}
}

var rotating = []behaviour{
	rotates("None", daily()),
	rotates("True", secretsmanager.RotateSecretInput{
		RotationLambdaARN: aws.String(lambdaARN), RotationRules: everyDays(1), RotateImmediately: aws.Bool(true),
	}),
	{"RotateSecret again rotates as it was set up", verified("LocalStack test_rotate_secret_multiple_times_with_lambda_success"), func(c *check) {
		v1 := *c.create(token()).VersionId
		c.lambda(c.template)
		v2 := *c.rotateWith(daily()).VersionId
		c.stages(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT", "AWSPENDING"}})
		v3 := *c.rotateWith(secretsmanager.RotateSecretInput{}).VersionId
		c.stages(map[string][]string{v2: {"AWSPREVIOUS"}, v3: {"AWSCURRENT", "AWSPENDING"}})
	}},
	{"RotateSecret with a function that cannot be invoked changes nothing", recorded("test_rotate_secret_invalid_lambda_arn"), func(c *check) {
		made := c.create(token())
		in := daily()
		in.RotationLambdaARN = aws.String(lambdaARN + "_invalid_lambda_arn")
		_, err := c.rotate(in)
		c.refused(err, "AccessDeniedException", "Secrets Manager cannot invoke the specified Lambda function. "+
			"Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.")
		d := c.describe()
		c.same("described", d, &secretsmanager.DescribeSecretOutput{
			ARN: made.ARN, Name: made.Name, CreatedDate: d.CreatedDate, LastChangedDate: d.LastChangedDate,
			VersionIdsToStages: map[string][]string{*made.VersionId: {"AWSCURRENT"}},
		})
	}},
	{"RotateSecret without a function ever set is refused", verified("LocalStack test_first_rotate_secret_with_missing_lambda_arn"), func(c *check) {
		c.create(token())
		_, err := c.rotate(secretsmanager.RotateSecretInput{RotationRules: everyDays(1)})
		c.refused(err, "InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
	}},
	{"RotateSecret calls four steps with one token", documented("userguide/rotate-secrets_lambda-functions.html"), func(c *check) {
		arn := *c.create(token()).ARN
		var events []secretstest.RotationEvent
		c.lambda(func(ctx context.Context, event secretstest.RotationEvent) error {
			events = append(events, event)
			return c.template(ctx, event)
		})
		id := *c.rotateWith(daily()).VersionId
		if len(events) != 4 || len(events[0].RotationToken) < 36 {
			c.fatalf("events %v", events)
		}
		for i, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
			c.same(step, events[i], secretstest.RotationEvent{Step: step, SecretID: arn, ClientRequestToken: id, RotationToken: events[0].RotationToken})
		}
	}},
	{"during a rotation AWSPENDING has no value", documented("userguide/rotate-secrets_lambda-functions.html"), func(c *check) {
		v1 := *c.create(token()).VersionId
		c.lambda(func(_ context.Context, event secretstest.RotationEvent) error {
			c.stages(map[string][]string{v1: {"AWSCURRENT"}, event.ClientRequestToken: {"AWSPENDING"}})
			_, err := c.getVersion("", "AWSPENDING")
			c.noValueFor(err, "staging label: AWSPENDING")
			return errors.New("enough seen")
		})
		c.rotateWith(daily())
	}},
	{"a rotation that fails blocks the next", reported("terraform-provider-aws#35023"), func(c *check) {
		v1 := *c.create(token()).VersionId
		c.lambda(func(context.Context, secretstest.RotationEvent) error { return errors.New("no") })
		v2 := *c.rotateWith(daily()).VersionId
		c.stages(map[string][]string{v1: {"AWSCURRENT"}, v2: {"AWSPENDING"}})
		c.same("LastRotatedDate", c.describe().LastRotatedDate, nil)
		_, err := c.rotate(secretsmanager.RotateSecretInput{})
		c.refused(err, "InvalidRequestException", "A previous rotation isn't complete. That rotation will be reattempted.")
		c.must(c.move("AWSPENDING", "", v2))
		c.lambda(c.template)
		v3 := *c.rotateWith(secretsmanager.RotateSecretInput{}).VersionId
		c.stages(map[string][]string{v1: {"AWSPREVIOUS"}, v3: {"AWSCURRENT", "AWSPENDING"}})
	}},
	{"RotateSecret refuses a 21st label", quotas, func(c *check) {
		c.create(token())
		labels := make([]string, 19)
		for i := range labels {
			labels[i] = fmt.Sprint("mine", i)
		}
		id := c.put(token(), labels...)
		c.lambda(c.template)
		if _, err := c.rotate(daily()); err == nil {
			c.errorf("21 labels")
		}
		c.same("labels", len(c.describe().VersionIdsToStages[id]), 19)
	}},
	{"RotateSecret with the token of a version that is there, without a function ever set", ours, func(c *check) {
		in := secretsmanager.RotateSecretInput{ClientRequestToken: c.create(token()).VersionId}
		_, err := c.rotate(in)
		c.refused(err, "InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
	}},
	{"RotateSecret refuses the token of a version that no rotation made", ours, func(c *check) {
		in := daily()
		in.ClientRequestToken = c.create(token()).VersionId
		c.lambda(c.template)
		_, err := c.rotate(in)
		c.code(err, "InvalidRequestException")
		c.same("RotationEnabled", c.describe().RotationEnabled, nil)
	}},
	{"RotateSecret of a secret without a value leaves it to the function", ours, func(c *check) {
		c.createWith(secretsmanager.CreateSecretInput{})
		var steps []string
		c.lambda(func(_ context.Context, event secretstest.RotationEvent) error {
			steps = append(steps, event.Step)
			return errors.New("nothing to rotate")
		})
		id := *c.rotateWith(daily()).VersionId
		c.same("steps", steps, []string{"createSecret"})
		c.stages(map[string][]string{id: {"AWSPENDING"}})
	}},
	{"RotateSecret again with the token starts nothing", documented("apireference/API_RotateSecret.html (ClientRequestToken)"), func(c *check) {
		c.create(token())
		c.lambda(c.template)
		in := daily()
		in.ClientRequestToken = aws.String(token())
		first := c.rotateWith(in)
		c.lambda(func(context.Context, secretstest.RotationEvent) error {
			c.errorf("a second rotation")
			return nil
		})
		c.same("again", c.rotateWith(in), first)
	}},
	{"CancelRotateSecret turns rotation off and names the unfinished version", documented("apireference/API_CancelRotateSecret.html"), func(c *check) {
		made := c.create(token())
		c.lambda(func(context.Context, secretstest.RotationEvent) error { return errors.New("no") })
		id := c.rotateWith(daily()).VersionId
		out, err := c.CancelRotateSecret(c.ctx, &secretsmanager.CancelRotateSecretInput{SecretId: &c.name})
		c.must(err)
		c.same("canceled", out, &secretsmanager.CancelRotateSecretOutput{ARN: made.ARN, Name: made.Name, VersionId: id})
		d := c.describe()
		c.same("rotation", []any{d.RotationEnabled, d.RotationLambdaARN, d.NextRotationDate}, []any{false, lambdaARN, nil})
	}},
	{"CancelRotateSecret of a secret that never rotated is refused", model, func(c *check) {
		c.create(token())
		_, err := c.CancelRotateSecret(c.ctx, &secretsmanager.CancelRotateSecretInput{SecretId: &c.name})
		c.code(err, "InvalidRequestException")
	}},
	{"rotation of a secret scheduled for deletion is refused", model, func(c *check) {
		c.create(token())
		c.remove()
		_, err := c.rotate(daily())
		c.marked(err)
		_, err = c.CancelRotateSecret(c.ctx, &secretsmanager.CancelRotateSecretInput{SecretId: &c.name})
		c.marked(err)
	}},
	{"rotation of an absent secret", documented("apireference/API_RotateSecret.html"), func(c *check) {
		_, err := c.rotate(daily())
		c.notFound(err)
		_, err = c.CancelRotateSecret(c.ctx, &secretsmanager.CancelRotateSecretInput{SecretId: &c.name})
		c.notFound(err)
	}},
	{"RotateSecret refuses rules out of range", model, func(c *check) {
		for _, rules := range []*types.RotationRulesType{
			everyDays(0), everyDays(1001), {Duration: aws.String("h")}, {Duration: aws.String("3m")}, expression(""),
		} {
			_, err := c.rotate(secretsmanager.RotateSecretInput{RotationLambdaARN: aws.String(lambdaARN), RotationRules: rules})
			c.code(err, "ValidationException")
		}
	}},
	{"RotateSecret refuses days together with an expression, and bad expressions", documented("apireference/API_RotationRulesType.html"), func(c *check) {
		c.create(token())
		c.lambda(c.template)
		both := expression("rate(1 day)")
		both.AutomaticallyAfterDays = aws.Int64(1)
		for _, rules := range []*types.RotationRulesType{both, expression("rate(2 hours)"), expression("daily"), expression("cron(0 99 * * ? *)")} {
			_, err := c.rotate(secretsmanager.RotateSecretInput{RotationLambdaARN: aws.String(lambdaARN), RotationRules: rules})
			c.code(err, "InvalidParameterException")
		}
	}},
}

// schedule is rules and the NextRotationDate they give to a rotation of
// Saturday 2026-03-14 15:09:26.535.
func schedule(rules *types.RotationRulesType, page, want string) behaviour {
	return behaviour{"NextRotationDate of " + show(rules), documented(page), func(c *check) {
		start := time.Date(2026, 3, 14, 15, 9, 26, 535e6, time.UTC)
		c.clock().Advance(start.Sub(c.clock().Now()))
		c.create(token())
		c.lambda(c.template)
		c.rotateWith(secretsmanager.RotateSecretInput{RotationLambdaARN: aws.String(lambdaARN), RotationRules: rules})
		d := c.describe()
		c.same("LastRotatedDate", d.LastRotatedDate, start)
		c.same("RotationRules", d.RotationRules, rules)
		c.same("NextRotationDate", d.NextRotationDate.Format(time.DateTime), want)
	}}
}

func lasting(rules *types.RotationRulesType, duration string) *types.RotationRulesType {
	rules.Duration = &duration
	return rules
}

const schedulePage = "userguide/rotate-secrets_schedule.html"

var schedules = []behaviour{
	schedule(everyDays(1), "apireference/API_DescribeSecret.html", "2026-03-15 23:59:59"),
	schedule(everyDays(30), "apireference/API_DescribeSecret.html", "2026-04-13 23:59:59"),
	schedule(lasting(everyDays(10), "3h"), "apireference/API_RotationRulesType.html", "2026-03-24 02:59:59"),
	schedule(expression("rate(10 days)"), schedulePage, "2026-03-24 23:59:59"),
	schedule(expression("rate(4 hours)"), schedulePage, "2026-03-14 16:59:59"),
	schedule(lasting(expression("rate(12 hours)"), "2h"), schedulePage, "2026-03-15 01:59:59"),
	schedule(expression("cron(0 */8 * * ? *)"), schedulePage, "2026-03-14 16:59:59"),
	schedule(expression("cron(0 8 * * ? *)"), schedulePage, "2026-03-15 23:59:59"),
	schedule(lasting(expression("cron(0 8 ? * SUN *)"), "4h"), schedulePage, "2026-03-15 11:59:59"),
	schedule(lasting(expression("cron(0 1 1 * ? *)"), "3h"), schedulePage, "2026-04-01 03:59:59"),
	schedule(lasting(expression("cron(0 16 ? * 3#2 *)"), "2h"), schedulePage, "2026-04-14 17:59:59"),
	schedule(lasting(expression("cron(0 4 L * ? *)"), "1h"), schedulePage, "2026-03-31 04:59:59"),
	schedule(lasting(expression("cron(0 18 ? * 6L *)"), "2h"), schedulePage, "2026-03-27 19:59:59"),
	schedule(lasting(expression("cron(0 10 ? 1/3 MON-WED 2027-2028)"), "1h"), schedulePage, "2027-01-04 10:59:59"),
	{"NextRotationDate counts from a value written by hand", documented("apireference/API_RotationRulesType.html (AutomaticallyAfterDays)"), func(c *check) {
		c.create(token())
		c.lambda(c.template)
		c.rotateWith(secretsmanager.RotateSecretInput{RotationLambdaARN: aws.String(lambdaARN), RotationRules: everyDays(10)})
		rotated := c.describe().LastRotatedDate
		c.clock().Advance(72 * time.Hour)
		c.put(token())
		want := c.date().Truncate(24 * time.Hour).Add(11*24*time.Hour - time.Second)
		c.same("NextRotationDate", c.describe().NextRotationDate, want)
		c.same("LastRotatedDate", c.describe().LastRotatedDate, rotated)
	}},
}
