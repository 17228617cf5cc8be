package conformance

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// getVersion asks for a version by id, label, or both; empty ones are left out.
func (c *check) getVersion(id, stage string) (*secretsmanager.GetSecretValueOutput, error) {
	return c.GetSecretValue(c.ctx, &secretsmanager.GetSecretValueInput{SecretId: &c.name, VersionId: optional(id), VersionStage: optional(stage)})
}

// noValueFor is the answer for a version that is not there.
func (c *check) noValueFor(err error, what string) {
	c.refused(err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for "+what)
}

var reading = []behaviour{
	{"GetSecretValue answers bytes", verified("LocalStack test_get_secret_value, test_put_secret_value"), func(c *check) {
		for i := range 3 {
			val := []byte("\x00\xff" + token())
			if i == 0 {
				c.createWith(secretsmanager.CreateSecretInput{SecretBinary: val})
			} else {
				_, err := c.PutSecretValue(c.ctx, &secretsmanager.PutSecretValueInput{SecretId: &c.name, SecretBinary: val})
				c.must(err)
			}
			got := c.get()
			c.same("bytes", got.SecretBinary, val)
			c.same("text", got.SecretString, nil)
		}
	}},
	{"an absent secret is not found", recorded("test_secret_not_found"), func(c *check) {
		c.notFound(c.getErr(c.name))
		_, err := c.ListSecretVersionIds(c.ctx, &secretsmanager.ListSecretVersionIdsInput{SecretId: &c.name})
		c.notFound(err)
	}},
	{"GetSecretValue of an absent stage", recorded("test_get_secret_value_errors"), func(c *check) {
		c.create(token())
		_, err := c.getVersion("", "AWSPREVIOUS")
		c.noValueFor(err, "staging label: AWSPREVIOUS")
	}},
	{"GetSecretValue of a secret without a value", recorded("test_secret_version_not_found"), func(c *check) {
		c.createWith(secretsmanager.CreateSecretInput{})
		c.noValueFor(c.getErr(c.name), "staging label: AWSCURRENT")
		id := token()
		_, err := c.getVersion(id, "")
		c.noValueFor(err, "VersionId: "+id)
		_, err = c.getVersion("", "AWSPENDING")
		c.noValueFor(err, "staging label: AWSPENDING")
	}},
	{"GetSecretValue with a version and a stage that disagree", recorded("test_get_secret_value_errors"), func(c *check) {
		id := *c.create(token()).VersionId
		_, err := c.getVersion(id, "AWSPREVIOUS")
		c.refused(err, "InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.")
	}},
	{"GetSecretValue with a version and a stage that agree", documented("apireference/API_GetSecretValue.html"), func(c *check) {
		_, err := c.getVersion(*c.create(token()).VersionId, "AWSCURRENT")
		c.must(err)
	}},
	{"GetSecretValue reads an unlabelled version by id", documented("apireference/API_GetSecretValue.html"), func(c *check) {
		val := token()
		id := *c.create(val).VersionId
		c.put(token())
		c.put(token())
		got, err := c.getVersion(id, "")
		c.must(err)
		c.same("value and stages", []any{got.SecretString, len(got.VersionStages)}, []any{val, 0})
	}},
	{"GetSecretValue refuses a version id that is too short", model, func(c *check) {
		_, err := c.getVersion("AWSCURRENT", "")
		c.refused(err, "ValidationException", violation("Value 'AWSCURRENT'", "versionId", "have length greater than or equal to 32"))
	}},
	{"GetSecretValue refuses a stage that is too long", model, func(c *check) {
		_, err := c.getVersion("", longKey)
		c.refused(err, "ValidationException", violation("Value '"+longKey+"'", "versionStage", "have length less than or equal to 256"))
	}},
}

var describing = []behaviour{
	{"DescribeSecret leaves absent members out", recorded("test_update_secret_description"), func(c *check) {
		made := c.create(token())
		d := c.describe()
		c.same("described", d, &secretsmanager.DescribeSecretOutput{
			ARN: made.ARN, Name: made.Name, CreatedDate: d.CreatedDate, LastChangedDate: d.LastChangedDate,
			VersionIdsToStages: map[string][]string{*made.VersionId: {"AWSCURRENT"}},
		})
		if d.CreatedDate == nil || d.LastChangedDate == nil {
			c.errorf("no dates")
		}
	}},
	{"LastAccessedDate is absent before the first read, and then a day", verified("LocalStack test_last_accessed_date"), func(c *check) {
		c.create(token())
		c.same("before", c.describe().LastAccessedDate, nil)
		c.get()
		first := c.describe().LastAccessedDate
		c.get()
		if first == nil || !first.Equal(first.Truncate(24*time.Hour)) || !first.Equal(*c.describe().LastAccessedDate) {
			c.errorf("accessed %v, then %v", first, c.describe().LastAccessedDate)
		}
	}},
	{"LastAccessedDate is the day of the latest read", documented("apireference/API_DescribeSecret.html"), func(c *check) {
		c.create(token())
		c.get()
		c.clock().Advance(48 * time.Hour)
		c.get()
		c.same("LastAccessedDate", c.describe().LastAccessedDate, c.date().Truncate(24*time.Hour))
	}},
	{"LastChangedDate moves with a put and a label", documented("apireference/API_DescribeSecret.html (modified in any way); not recorded for labels"), func(c *check) {
		id := *c.create(token()).VersionId
		for _, change := range []func(){
			func() { c.put(token()) },
			func() { c.must(c.move("LABEL", id, "")) },
			func() { c.updateWith(secretsmanager.UpdateSecretInput{Description: aws.String("d")}) },
			func() { c.tag("k", "v") },
			func() { c.untag("k") },
		} {
			c.clock().Advance(time.Minute)
			change()
			c.same("LastChangedDate", c.describe().LastChangedDate, c.date())
		}
	}},
	{"LastChangedDate stays with a read, and moves with every update, of the same value too", verified("LocalStack test_last_updated_date"), func(c *check) {
		c.create(token())
		before := c.describe().LastChangedDate
		c.get()
		c.same("LastChangedDate", c.describe().LastChangedDate, before)
		val := token()
		for range 2 {
			c.pause()
			c.updateWith(secretsmanager.UpdateSecretInput{SecretString: &val})
			after := c.describe().LastChangedDate
			if !after.After(*before) {
				c.errorf("%v, then %v", before, after)
			}
			before = after
		}
	}},
	{"DescribeSecret shows a secret scheduled for deletion", verified("LocalStack test_force_delete_deleted_secret"), func(c *check) {
		c.create(token())
		c.remove()
		c.same("has DeletedDate", c.describe().DeletedDate != nil, true)
	}},
	// The service's texts disagree: DescribeSecret calls it "the date the secret is
	// scheduled for deletion", ListSecrets the date "the deletion of the secret
	// occurred". No recorded answer tells the end of the window from the request.
	{"DeletedDate is the end of the recovery window", ours, func(c *check) {
		c.create(token())
		out := c.remove()
		c.same("described", c.describe().DeletedDate, out.DeletionDate)
		c.same("listed", c.list(secretsmanager.ListSecretsInput{IncludePlannedDeletion: aws.Bool(true)})[0].DeletedDate, out.DeletionDate)
	}},
	{"DescribeSecret of an absent secret", documented("apireference/API_DescribeSecret.html"), func(c *check) {
		_, err := c.DescribeSecret(c.ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(c.name)})
		c.notFound(err)
	}},
}
