package conformance

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// updateWith updates a secret; without an id it is c.name.
func (c *check) updateWith(in secretsmanager.UpdateSecretInput) *secretsmanager.UpdateSecretOutput {
	if in.SecretId == nil {
		in.SecretId = &c.name
	}
	out, err := c.UpdateSecret(c.ctx, &in)
	c.must(err)
	return out
}

var updating = []behaviour{
	{"UpdateSecret makes a version only of a value", recorded("test_update_secret_description"), func(c *check) {
		made := c.create(token())
		versions := []string{*made.VersionId}
		for _, step := range []struct {
			in          secretsmanager.UpdateSecretInput
			description string
		}{
			{secretsmanager.UpdateSecretInput{Description: aws.String("MyDescription")}, "MyDescription"},
			{secretsmanager.UpdateSecretInput{Description: aws.String("MyNewDescription"), SecretString: aws.String(token())}, "MyNewDescription"},
			{secretsmanager.UpdateSecretInput{SecretString: aws.String(token())}, "MyNewDescription"},
			{secretsmanager.UpdateSecretInput{}, "MyNewDescription"},
		} {
			out := c.updateWith(step.in)
			want := &secretsmanager.UpdateSecretOutput{ARN: made.ARN, Name: made.Name}
			if step.in.SecretString != nil {
				want.VersionId = out.VersionId
				versions = append(versions, aws.ToString(out.VersionId))
			}
			c.same("updated", out, want)
			d := c.describe()
			c.same("described", d, &secretsmanager.DescribeSecretOutput{
				ARN: made.ARN, Name: made.Name, Description: &step.description,
				CreatedDate: d.CreatedDate, LastChangedDate: d.LastChangedDate, VersionIdsToStages: lastTwo(versions),
			})
		}
	}},
	{"UpdateSecret moves AWSCURRENT and AWSPREVIOUS", recorded("test_update_secret_version_stages_current_previous"), func(c *check) {
		v1 := *c.create(token()).VersionId
		c.versions(version{id: v1, stages: []string{"AWSCURRENT"}})
		v2 := *c.updateWith(secretsmanager.UpdateSecretInput{SecretString: aws.String(token())}).VersionId
		c.versions(version{id: v1, stages: []string{"AWSPREVIOUS"}}, version{id: v2, stages: []string{"AWSCURRENT"}})
	}},
	{"UpdateSecret takes the empty description as none", ours, func(c *check) {
		c.createWith(secretsmanager.CreateSecretInput{Description: aws.String("d")})
		c.updateWith(secretsmanager.UpdateSecretInput{Description: aws.String("")})
		c.same("Description", c.describe().Description, nil)
	}},
	{"UpdateSecret changes the KMS key of the versions in use", documented("apireference/API_UpdateSecret.html"), func(c *check) {
		v1 := *c.create(token()).VersionId
		c.put(token())
		c.put(token())
		c.updateWith(secretsmanager.UpdateSecretInput{KmsKeyId: aws.String("alias/mine")})
		c.same("KmsKeyId", c.describe().KmsKeyId, "alias/mine")
		for _, v := range c.listVersions(true).Versions {
			want := "alias/mine"
			if *v.VersionId == v1 {
				want = "DefaultEncryptionKey"
			}
			c.same("KmsKeyIds", v.KmsKeyIds, []string{want})
		}
	}},
	{"UpdateSecret again with the token and the value changes nothing", documented("apireference/API_UpdateSecret.html"), func(c *check) {
		c.create(token())
		in := secretsmanager.UpdateSecretInput{SecretString: aws.String(token()), ClientRequestToken: aws.String(token())}
		first := c.updateWith(in)
		before := c.describe()
		c.same("again", c.updateWith(in), first)
		c.same("described", c.describe(), before)
	}},
	{"UpdateSecret refuses the token with another value", reported("moto#9192"), func(c *check) {
		made := c.create(token())
		_, err := c.UpdateSecret(c.ctx, &secretsmanager.UpdateSecretInput{SecretId: &c.name, SecretString: aws.String(token()), ClientRequestToken: made.VersionId})
		c.tokenInUse(err, *made.VersionId, *made.ARN)
	}},
	{"UpdateSecret refuses text and bytes together", reported("aws-sdk-java#1556"), func(c *check) {
		c.create(token())
		_, err := c.UpdateSecret(c.ctx, &secretsmanager.UpdateSecretInput{SecretId: &c.name, SecretString: aws.String("a"), SecretBinary: []byte("b")})
		c.refused(err, "InvalidParameterException", textBoth)
	}},
	{"UpdateSecret of an absent secret", documented("apireference/API_UpdateSecret.html"), func(c *check) {
		_, err := c.UpdateSecret(c.ctx, &secretsmanager.UpdateSecretInput{SecretId: &c.name})
		c.notFound(err)
	}},
	{"UpdateSecret refuses a description of 2,049", model, func(c *check) {
		_, err := c.UpdateSecret(c.ctx, &secretsmanager.UpdateSecretInput{SecretId: &c.name, Description: &longText})
		c.refused(err, "ValidationException", violation("Value '"+longText+"'", "description", "have length less than or equal to 2048"))
	}},
}

// lastTwo is the labels after the versions have been current one by one.
func lastTwo(versions []string) map[string][]string {
	stages := map[string][]string{versions[len(versions)-1]: {"AWSCURRENT"}}
	if len(versions) > 1 {
		stages[versions[len(versions)-2]] = []string{"AWSPREVIOUS"}
	}
	return stages
}
