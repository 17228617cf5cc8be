package conformance

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// putWith adds a version to c.name.
func (c *check) putWith(in secretsmanager.PutSecretValueInput) (*secretsmanager.PutSecretValueOutput, error) {
	in.SecretId = &c.name
	return c.PutSecretValue(c.ctx, &in)
}

func labels(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("label%02d", i)
	}
	return list
}

var putting = []behaviour{
	{"PutSecretValue moves AWSCURRENT and AWSPREVIOUS", recorded("test_deprecated_secret_version_stage"), func(c *check) {
		v1 := *c.create(token()).VersionId
		v2 := c.put(token())
		c.stages(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}})
		v3 := c.put(token())
		c.stages(map[string][]string{v2: {"AWSPREVIOUS"}, v3: {"AWSCURRENT"}})
	}},
	{"PutSecretValue answers its labels sorted, and leaves AWSCURRENT unless told", recorded("test_put_secret_value_with_version_stages"), func(c *check) {
		made := c.create(token())
		for _, labels := range [][2][]string{
			{{"SAMPLESTAGE1", "SAMPLESTAGE0"}, {"SAMPLESTAGE0", "SAMPLESTAGE1"}},
			{{"SAMPLESTAGE1", "SAMPLESTAGE0"}, {"SAMPLESTAGE0", "SAMPLESTAGE1"}},
			{{"AWSPENDING"}, {"AWSPENDING"}},
		} {
			id := token()
			out, err := c.putWith(secretsmanager.PutSecretValueInput{SecretString: aws.String(token()), VersionStages: labels[0], ClientRequestToken: &id})
			c.must(err)
			c.same("put", out, &secretsmanager.PutSecretValueOutput{ARN: made.ARN, Name: made.Name, VersionId: &id, VersionStages: labels[1]})
			c.same("current", c.get().VersionId, made.VersionId)
		}
		id := c.put(token())
		c.same("current", c.get().VersionId, id)
	}},
	{"PutSecretValue takes AWSPENDING over", documented("apireference/API_PutSecretValue.html"), func(c *check) {
		v1 := *c.create(token()).VersionId
		c.put(token(), "AWSPENDING")
		v3 := c.put(token(), "AWSPENDING")
		c.stages(map[string][]string{v1: {"AWSCURRENT"}, v3: {"AWSPENDING"}})
	}},
	{"PutSecretValue that moves AWSCURRENT drops AWSPENDING from the version replaced", recorded("test_update_secret_version_stages_current_pending"), func(c *check) {
		v1 := *c.create(token()).VersionId
		v2 := c.put(token(), "AWSPENDING")
		c.must(c.move("AWSCURRENT", v2, v1))
		v3 := c.put(token())
		c.stages(map[string][]string{v2: {"AWSPREVIOUS"}, v3: {"AWSCURRENT"}})
	}},
	{"PutSecretValue that moves AWSCURRENT leaves AWSPENDING on a third version", ours, func(c *check) {
		v1 := *c.create(token()).VersionId
		v2 := c.put(token(), "AWSPENDING")
		v3 := c.put(token())
		c.stages(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSPENDING"}, v3: {"AWSCURRENT"}})
	}},
	{"PutSecretValue makes the first version current whatever its labels", documented("apireference/API_PutSecretValue.html"), func(c *check) {
		c.createWith(secretsmanager.CreateSecretInput{})
		v1 := c.put(token(), "mine")
		c.stages(map[string][]string{v1: {"AWSCURRENT", "mine"}})
	}},
	{"PutSecretValue again with the token and the value changes nothing", documented("apireference/API_PutSecretValue.html"), func(c *check) {
		c.create(token())
		in := secretsmanager.PutSecretValueInput{SecretString: aws.String(token()), ClientRequestToken: aws.String(token())}
		first, err := c.putWith(in)
		c.must(err)
		v3 := c.put(token())
		before := c.describe().LastChangedDate
		again, err := c.putWith(in)
		c.must(err)
		c.same("again", []any{again.VersionId, again.VersionStages}, []any{first.VersionId, first.VersionStages})
		c.stages(map[string][]string{*in.ClientRequestToken: {"AWSPREVIOUS"}, v3: {"AWSCURRENT"}})
		c.same("LastChangedDate", c.describe().LastChangedDate, before)
	}},
	{"PutSecretValue again answers the labels of the first time", ours, func(c *check) {
		c.create(token())
		in := secretsmanager.PutSecretValueInput{SecretString: aws.String(token()), ClientRequestToken: aws.String(token()), VersionStages: []string{"mine"}}
		_, err := c.putWith(in)
		c.must(err)
		c.put(token(), "mine")
		again, err := c.putWith(in)
		c.must(err)
		c.same("labels", again.VersionStages, []string{"mine"})
	}},
	{"text that is not UTF-8 is kept with U+FFFD for each bad byte", ours, func(c *check) {
		c.createWith(secretsmanager.CreateSecretInput{SecretString: aws.String("a\xff\xfe"), Description: aws.String("\xffb")})
		c.same("value", c.get().SecretString, "a\ufffd\ufffd")
		c.same("description", c.describe().Description, "\ufffdb")
	}},
	{"PutSecretValue refuses the token with another value", reported("moto#9192"), func(c *check) {
		arn := *c.create(token()).ARN
		in := secretsmanager.PutSecretValueInput{SecretString: aws.String(token()), ClientRequestToken: aws.String(token())}
		_, err := c.putWith(in)
		c.must(err)
		for _, other := range []secretsmanager.PutSecretValueInput{
			{SecretString: aws.String(token())}, {SecretBinary: []byte(*in.SecretString)},
		} {
			other.ClientRequestToken = in.ClientRequestToken
			_, err = c.putWith(other)
			c.tokenInUse(err, *in.ClientRequestToken, arn)
		}
	}},
	{"PutSecretValue refuses no value", reported("moto, put_secret_value"), func(c *check) {
		c.create(token())
		_, err := c.putWith(secretsmanager.PutSecretValueInput{})
		c.refused(err, "InvalidRequestException", "You must provide either SecretString or SecretBinary.")
	}},
	{"PutSecretValue refuses text and bytes together", reported("aws-sdk-java#1556"), func(c *check) {
		c.create(token())
		_, err := c.putWith(secretsmanager.PutSecretValueInput{SecretString: aws.String("a"), SecretBinary: []byte("b")})
		c.refused(err, "InvalidParameterException", textBoth)
	}},
	{"PutSecretValue to an absent secret", documented("apireference/API_PutSecretValue.html"), func(c *check) {
		_, err := c.putWith(secretsmanager.PutSecretValueInput{SecretString: aws.String(token())})
		c.notFound(err)
	}},
	{"PutSecretValue refuses a RotationToken that is too short", model, func(c *check) {
		_, err := c.putWith(secretsmanager.PutSecretValueInput{SecretString: aws.String(token()), RotationToken: aws.String("short")})
		c.code(err, "ValidationException")
	}},
	{"PutSecretValue refuses a RotationToken of other characters", model, func(c *check) {
		c.create(token())
		_, err := c.putWith(secretsmanager.PutSecretValueInput{SecretString: aws.String(token()), RotationToken: aws.String("_" + token())})
		c.code(err, "ValidationException")
	}},
	{"PutSecretValue refuses 21 labels", model, func(c *check) {
		c.create(token())
		_, err := c.putWith(secretsmanager.PutSecretValueInput{SecretString: aws.String(token()), VersionStages: labels(21)})
		c.code(err, "ValidationException")
	}},
	{"a secret has at most 20 labels over all its versions", quotas, func(c *check) {
		c.create(token())
		_, err := c.putWith(secretsmanager.PutSecretValueInput{SecretString: aws.String(token()), VersionStages: labels(20)})
		c.code(err, "LimitExceededException")
		c.put(token(), labels(19)...)
	}},
	{"unlabelled versions beyond 100 go when a day old", reported("terraform-provider-aws#36607"), func(c *check) {
		labelled := *c.create(token()).VersionId
		c.must(c.move("KEEP", labelled, ""))
		first := c.put(token())
		for range 110 {
			c.put(token())
		}
		c.clock().Advance(24*time.Hour - time.Millisecond)
		c.put(token())
		_, err := c.getVersion(first, "")
		c.must(err)
		c.clock().Advance(time.Millisecond)
		c.put(token())
		_, err = c.getVersion(first, "")
		c.refused(err, "InvalidRequestException", "You can't perform this operation on secret version "+first+" because it was deleted.")
		_, err = c.getVersion(labelled, "")
		c.must(err)
	}},
}
