package conformance

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// partial takes the suffix off an ARN.
func partial(arn string) string { return arn[:strings.LastIndexByte(arn, '-')] }

var names = []behaviour{
	validName("s-c64bdc03"),
	validName("Valid/_+=.@-Name"),
	validName("Valid/_+=.@-Name-a1b2"),
	validName("Valid/_+=.@-Name-a1b2c3-"),
	{"a partial ARN that looks whole names another secret", recorded("test_create_and_update_secret[Invalid/_+=.@-Name-a1b2c3-False]"), func(c *check) {
		arn := *c.createNamed(c.secret("Invalid/_+=.@-Name-a1b2c3"), token()).ARN
		c.getByID(arn)
		c.notFound(c.getErr(partial(arn)))
	}},
	{"an ARN with another suffix names nothing", documented("userguide/whats-in-a-secret.html"), func(c *check) {
		arn := *c.create(token()).ARN
		c.notFound(c.getErr(partial(arn) + "-aaaaaa"))
	}},
	invalidName("Inv Name"),
	invalidName(" Inv Name"),
	invalidName(" Inv*Name? "),
	invalidName(` Inv *?!]Name\-`),
	{"a name with other letters is invalid", reported("the text of the other invalid names"), func(c *check) {
		for _, name := range []string{"é", "a:b", "a\tb"} {
			c.badName(c.getErr(name))
		}
	}},
}

// validName replays a recorded scenario with a name.
func validName(suffix string) behaviour {
	return behaviour{"a secret is found by name, ARN and partial ARN: " + suffix, recorded("test_create_and_update_secret[" + suffix + "]"), func(c *check) {
		c.name = c.secret(suffix)
		val := token()
		made := c.createWith(secretsmanager.CreateSecretInput{SecretString: &val, Description: aws.String("Testing secret creation.")})
		for _, id := range []string{c.name, *made.ARN, partial(*made.ARN)} {
			got := c.getByID(id)
			c.same(id, got, &secretsmanager.GetSecretValueOutput{
				ARN: made.ARN, Name: made.Name, VersionId: made.VersionId, VersionStages: []string{"AWSCURRENT"},
				SecretString: &val, CreatedDate: got.CreatedDate,
			})
		}
		d := c.describe()
		c.same("described", d, &secretsmanager.DescribeSecretOutput{
			ARN: made.ARN, Name: made.Name, Description: aws.String("Testing secret creation."),
			CreatedDate: d.CreatedDate, LastChangedDate: d.LastChangedDate, LastAccessedDate: d.LastAccessedDate,
			VersionIdsToStages: map[string][]string{*made.VersionId: {"AWSCURRENT"}},
		})
		if d.LastAccessedDate == nil {
			c.errorf("no LastAccessedDate")
		}
		next := token()
		id := c.put(next)
		c.same("put", []*string{c.get().SecretString, c.get().VersionId}, []string{next, id})
		updated := c.updateWith(secretsmanager.UpdateSecretInput{SecretId: made.ARN, SecretString: aws.String(token()), Description: aws.String("d1")})
		c.same("updated", updated, &secretsmanager.UpdateSecretOutput{ARN: made.ARN, Name: made.Name, VersionId: c.get().VersionId})
		removed := c.removeNow(c.name)
		c.same("removed", []*string{removed.ARN, removed.Name}, []*string{made.ARN, made.Name})
	}}
}

// invalidName asks every recorded operation for a name that is none.
func invalidName(name string) behaviour {
	return behaviour{"no operation takes the name " + name, recorded("test_invalid_secret_name[" + name + "]"), func(c *check) {
		for _, ask := range []func() error{
			func() error {
				_, err := c.CreateSecret(c.ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String(token())})
				return err
			},
			func() error {
				_, err := c.DeleteSecret(c.ctx, &secretsmanager.DeleteSecretInput{SecretId: &name, ForceDeleteWithoutRecovery: aws.Bool(true)})
				return err
			},
			func() error {
				_, err := c.DescribeSecret(c.ctx, &secretsmanager.DescribeSecretInput{SecretId: &name})
				return err
			},
			func() error { return c.getErr(name) },
			func() error {
				_, err := c.PutSecretValue(c.ctx, &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: aws.String(token())})
				return err
			},
			func() error {
				_, err := c.ListSecretVersionIds(c.ctx, &secretsmanager.ListSecretVersionIdsInput{SecretId: &name, IncludeDeprecated: aws.Bool(true)})
				return err
			},
			func() error {
				_, err := c.TagResource(c.ctx, &secretsmanager.TagResourceInput{SecretId: &name, Tags: tags(1)})
				return err
			},
			func() error {
				_, err := c.UntagResource(c.ctx, &secretsmanager.UntagResourceInput{SecretId: &name, TagKeys: []string{"k0"}})
				return err
			},
			func() error {
				_, err := c.UpdateSecret(c.ctx, &secretsmanager.UpdateSecretInput{SecretId: &name, Description: aws.String("d")})
				return err
			},
			func() error {
				_, err := c.ValidateResourcePolicy(c.ctx, &secretsmanager.ValidateResourcePolicyInput{SecretId: &name, ResourcePolicy: aws.String(policyFor("arn:aws:iam::123456789012:root"))})
				return err
			},
		} {
			c.badName(ask())
		}
	}}
}
